#include "load/plan_lookup.hpp"

#include <doctest/doctest.h>

#include <set>
#include <span>

#include "eventcollect/dir.hpp"
#include "objects/plan.hpp"
#include "support/directory.hpp"
#include "support/hooked_store.hpp"

namespace eventcollect::test {

using objects::Hour;
using objects::Plan;
using objects::raw_folder;
using namespace loading;

namespace {

constexpr const char* id = "0193a000-0000-7000-8000-000000000001";
constexpr const char* other_id = "0193a000-0000-7000-8000-000000000002";

// Has these objects, each with one selection.
class FakeLedger final : public LedgerSink {
 public:
  std::set<std::pair<std::string, std::string>> objects;
  int questions = 0;

  LoadStart begin(std::string_view, std::string_view) override { return LoadStart::begun; }
  void write(const Batch&, Rejections&) override {}
  void commit() override {}
  void roll_back() noexcept override {}
  std::vector<bool> loaded(std::span<const std::string> keys, std::string_view selection) override {
    ++questions;
    std::vector<bool> loaded;
    for (const std::string& key : keys) {
      loaded.push_back(objects.contains({key, std::string{selection}}));
    }
    return loaded;
  }
};

struct Setup {
  TemporaryDirectory directory;
  DirStore store{directory.path()};
  FakeLedger ledger;
  PlanLookup plans{store, ledger};
  Plan plan{.hour = Hour{TimePoint{}}, .id = id, .target_bytes = 1};

  explicit Setup(const std::vector<std::string>& raws) {
    for (const std::string& raw : raws) {
      plan.raws.push_back(std::string{raw_folder} + plan.hour.partition() + raw);
    }
    store.put(plan.key(), plan.to_json());
  }

  void load(std::size_t raw, const std::string& selection = {}) {
    ledger.objects.insert({plan.raws[raw], selection});
  }
};

}  // namespace

TEST_CASE("an hourly object has its raw ones loaded when the ledger has every one of its plan") {
  Setup setup{{"1.json.gz", "2.json.gz"}};
  CHECK_FALSE(setup.plans.has_raws(setup.plan.output_key(0), ""));
  setup.load(0);
  CHECK_FALSE(PlanLookup{setup.store, setup.ledger}.has_raws(setup.plan.output_key(0), ""));
  setup.load(1);
  CHECK(PlanLookup{setup.store, setup.ledger}.has_raws(setup.plan.output_key(0), ""));
  CHECK_FALSE(PlanLookup{setup.store, setup.ledger}.has_raws(setup.plan.output_key(0), "event=a"));
}

TEST_CASE("the outputs of one plan are asked about once") {
  Setup setup{{"1.json.gz"}};
  setup.load(0);
  for (std::size_t output = 0; output < 3; ++output) {
    CHECK(setup.plans.has_raws(setup.plan.output_key(output), ""));
  }
  CHECK(setup.ledger.questions == 1);
}

TEST_CASE("the plan of another compactor under the same name says nothing of an object") {
  Setup setup{{"1.json.gz"}};
  setup.load(0);
  Plan other = setup.plan;
  other.id = other_id;
  CHECK_FALSE(setup.plans.has_raws(other.output_key(0), ""));
  CHECK(setup.plans.has_raws(setup.plan.output_key(0), ""));
}

TEST_CASE("an object without a plan that can be read counts as not loaded") {
  Setup setup{{"1.json.gz"}};
  setup.load(0);
  const std::string output = setup.plan.output_key(0);
  for (const char* key : {"hourly/x.json.gz", "hourly/dt=1970-01-01/hour=00/x.json.gz",
                          "raw/dt=1970-01-01/hour=00/1.json.gz"}) {
    CAPTURE(key);
    CHECK_FALSE(setup.plans.has_raws(key, ""));
  }
  setup.store.put(setup.plan.key(), "{\"plan\":1");
  CHECK_FALSE(PlanLookup{setup.store, setup.ledger}.has_raws(output, ""));
  setup.store.remove(setup.plan.key());
  CHECK_FALSE(PlanLookup{setup.store, setup.ledger}.has_raws(output, ""));
}

TEST_CASE("a plan without raw objects says nothing, and a store that fails is an error") {
  Setup setup{{}};
  CHECK_FALSE(setup.plans.has_raws(setup.plan.output_key(0), ""));
  HookedStore failing{setup.store, [](const StoreCall& call) {
                        if (call.kind == StoreCall::get) throw Error{Error::unavailable, "down"};
                      }};
  CHECK_THROWS_AS((PlanLookup{failing, setup.ledger}.has_raws(setup.plan.output_key(0), "")),
                  Error);
}

}  // namespace eventcollect::test
