#pragma once

#include <string_view>

namespace eventcollect::live {

// The files of this folder that a browser gets, put into the library when it is built.
extern const std::string_view live_html;
extern const std::string_view live_css;
extern const std::string_view live_js;
extern const std::string_view figures_js;
extern const std::string_view plot_js;
extern const std::string_view rows_js;
extern const std::string_view check_js;

}  // namespace eventcollect::live
