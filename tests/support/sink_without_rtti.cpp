#include "support/sink_without_rtti.hpp"

#ifdef __GXX_RTTI
#error "to be compiled with -fno-rtti"
#endif

namespace eventcollect::test {
namespace {

class SinkWithoutRtti final : public Sink {
 public:
  void write(const Batch&, Rejections&) override {}
};

}  // namespace

std::shared_ptr<Sink> make_sink_without_rtti() { return std::make_shared<SinkWithoutRtti>(); }

}  // namespace eventcollect::test
