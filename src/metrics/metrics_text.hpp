// Prometheus text of numbers that the core does not know, to stand beside that of render_metrics.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace eventcollect::metrics {

struct MetricNumber {
  enum class Kind : std::uint8_t { counter, gauge };

  Kind kind;
  std::string name;  // of a counter: ends in "_total"
  std::string help;
  double value;
  std::string label{};  // its name, or empty for none
  std::string label_value{};
};

// Numbers of one name stand together. The texts of several calls can be appended to each other, as
// long as no name is in two of them.
std::string render_numbers(const std::vector<MetricNumber>& numbers);

}  // namespace eventcollect::metrics
