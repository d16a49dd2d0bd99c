// What is read of a message that a stranger has encoded.
#include <random>

#include "drivers/amqp1/support.hpp"
#include "support/seed.hpp"

namespace eventcollect::test {

using amqp1::body_of;

TEST_CASE("a body is found behind the other sections of a message") {
  const std::string header{"\0\x53\x70\x45", 4};                            // an empty list
  const std::string properties{"\0\x53\x73\xc0\x03\x01\xa1\0", 8};          // a list with one text
  const std::string annotations{"\0\x80\0\0\0\0\0\0\0\x72\xc1\x01\0", 13};  // a map, in long form
  const std::string footer{"\0\x53\x78\xd1\0\0\0\4\0\0\0\0", 12};
  CHECK(body_of(message_with("it")) == "it");
  CHECK(body_of(message_with("")) == "");
  CHECK(body_of(header + annotations + properties + message_with("it") + footer) == "it");
  CHECK(body_of(std::string{"\0\x53\x77\xa1\2it", 7}) == "it");
  CHECK(body_of(std::string{"\0\x53\x77\xb1\0\0\0\2it", 10}) == "it");
  CHECK(body_of(std::string{"\0\x53\x77\xa0\2it", 7}) == "it");
}

TEST_CASE("what has no body that can be read comes as it is") {
  for (const std::string& message : {
           std::string{},
           std::string{"no message"},
           std::string{"\0", 1},
           std::string{"\0\x53", 2},
           std::string{"\0\x53\x75\xa0\3it", 7},                 // too short
           std::string{"\0\x53\x75\xb0\xff\xff\xff\xffit", 10},  // much too short
           std::string{"\0\x53\x75\xa1\2it", 7},                 // text in a data section
           std::string{"\0\x53\x77\x45", 4},                     // a list
           std::string{"\0\xa3\1x\xa0\2it", 7},                  // described by a symbol
           message_with("it") + message_with("it"),              // two sections
           message_with("it") + "x",
       }) {
    CHECK((body_of(message) == message));
  }
}

TEST_CASE("no bytes of a message lead outside it") {
  std::mt19937_64 random{seed()};
  const std::string good = std::string{"\0\x53\x70\xc0\2\1\x41", 7} + message_with("0123456789");
  for (int round = 0; round < 100'000; ++round) {
    std::string bytes = good.substr(0, random() % (good.size() + 1));
    for (std::size_t flips = random() % 4; flips > 0 && !bytes.empty(); --flips) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    const auto message = std::make_unique<char[]>(bytes.size());  // for the sanitizers
    std::copy(bytes.begin(), bytes.end(), message.get());
    const std::string_view whole{message.get(), bytes.size()};
    const std::string_view body = body_of(whole);
    REQUIRE(body.size() <= whole.size());
    if (!body.empty()) REQUIRE(body.data() >= whole.data());
  }
}

}  // namespace eventcollect::test
