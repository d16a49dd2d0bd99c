#include "support/sink_without_rtti.hpp"

namespace eventcollect::test {
namespace {

class SinkWithoutRtti final : public Sink {
 public:
  void write(const Batch&, Rejections&) override {}
};

}  // namespace

std::shared_ptr<Sink> make_sink_without_rtti() { return std::make_shared<SinkWithoutRtti>(); }

}  // namespace eventcollect::test
