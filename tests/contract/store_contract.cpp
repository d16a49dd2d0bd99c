#include "contract/store_contract.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <stdexcept>
#include <thread>
#include <utility>

namespace eventcollect::test {

std::string content_of(std::size_t bytes, unsigned seed) {
  std::string content;
  content.reserve(bytes);
  std::uint32_t state = 2'654'435'769U * (seed + 1);
  for (std::size_t i = 0; i < bytes; ++i) {
    state = state * 1'664'525U + 1'013'904'223U;
    content += static_cast<char>(state >> 24U);
  }
  return content;
}

namespace {

std::string rest_of(ObjectReader& reader, std::size_t piece) {
  std::string content;
  std::string buffer(piece, '\0');
  for (;;) {
    const std::size_t got = reader.read(buffer.data(), buffer.size());
    if (got == 0) return content;
    content.append(buffer, 0, got);
  }
}

}  // namespace

std::string read_object(ObjectStore& store, const std::string& key) {
  const auto reader = store.get(key);
  return reader ? rest_of(*reader, 100'000) : "(none)";
}

std::vector<std::string> keys_in(ObjectStore& store, const std::string& prefix,
                                 const std::string& after) {
  std::vector<std::string> keys;
  store.list(prefix, after, [&](const ObjectInfo& object) {
    keys.push_back(object.key);
    return true;
  });
  return keys;
}

namespace {

class Examination {
 public:
  explicit Examination(ObjectStoreBench& bench) : bench_{bench}, store_{bench.open()} {}

  std::vector<std::string> run() {
    attempt("an object that is put", [this] { what_is_put_is_there(); });
    attempt("an object that is replaced", [this] { replacing(); });
    attempt("what is not there", [this] { missing(); });
    attempt("names", [this] { names(); });
    attempt("what is no key", [this] { no_keys(); });
    attempt("a list", [this] { listing(); });
    attempt("a list of many", [this] { listing_many(); });
    attempt("create", [this] { creating(); });
    attempt("create by many at once", [this] { racing(); });
    attempt("writing in pieces", [this] { writing(); });
    attempt("a write that is given up", [this] { giving_up(); });
    attempt("a read while the object is replaced", [this] { reading_what_is_replaced(); });
    attempt("many at once", [this] { many_at_once(); });
    expect(bench_.leftovers().empty(), "something is left behind at the end");
    return std::move(broken_);
  }

 private:
  void expect(bool is_so, const std::string& sentence) {
    if (!is_so) broken_.push_back(sentence);
  }

  void attempt(const std::string& what, const std::function<void()>& step) {
    try {
      step();
    } catch (const std::exception& error) {
      broken_.push_back(fmt::format("{} fails: {}", what, error.what()));
    }
  }

  void what_is_put_is_there() {
    for (const std::size_t bytes :
         {std::size_t{0}, std::size_t{1}, std::size_t{100'000}, std::size_t{9} << 20}) {
      const std::string key = fmt::format("put/{}", bytes);
      const std::string content = content_of(bytes);
      store_->put(key, content);
      expect(read_object(*store_, key) == content, fmt::format("{} bytes do not come back", bytes));
      expect(read_object(*bench_.open(), key) == content,
             fmt::format("{} bytes are not seen by another", bytes));
    }
  }

  void replacing() {
    store_->put("replaced/1", "the first one, which is longer");
    store_->put("replaced/1", "the second");
    expect(read_object(*store_, "replaced/1") == "the second", "put() does not replace");
    const auto writer = store_->write("replaced/1");
    writer->write("the third");
    expect(read_object(*store_, "replaced/1") == "the second", "a write is seen before commit()");
    writer->commit();
    expect(read_object(*store_, "replaced/1") == "the third", "write() does not replace");
    store_->remove("replaced/1");
    expect(read_object(*store_, "replaced/1") == "(none)", "remove() does not remove");
  }

  void missing() {
    expect(store_->get("missing/1") == nullptr, "there is what is not there");
    expect(store_->get("missing") == nullptr, "there is what is not there, without a folder");
    expect(keys_in(*store_, "missing/").empty(), "what is not there is listed");
    store_->remove("missing/1");
    store_->remove("missing");
    store_->put("missing/1/2", "x");
    expect(store_->get("missing/1") == nullptr, "a folder is an object");
    store_->remove("missing/1");
    expect(read_object(*store_, "missing/1/2") == "x", "what is in a folder is removed with it");
  }

  void names() {
    const std::vector<std::string> names = {"plain",
                                            "with space",
                                            "a=b",
                                            "a+b",
                                            "a%20b",
                                            "a%b",
                                            "a:b",
                                            "a&b;c",
                                            "~a'(b)!*",
                                            "a,b@c#d$e?f",
                                            "ü/ß/語",
                                            "\xF0\x9F\x90\x98",
                                            "quote\"<tag>",
                                            "dt=2026-11-23/hour=18/x.json.gz",
                                            " ",
                                            "a\\b|{c}[d]^`",
                                            std::string(255, 'n')};
    std::vector<std::string> keys;
    keys.reserve(names.size());
    for (const std::string& name : names) keys.push_back("names/" + name);
    for (const std::string& key : keys) {
      attempt("the key " + key, [&] {
        store_->put(key, "at " + key);
        expect(read_object(*store_, key) == "at " + key, "nothing comes back from " + key);
        expect(keys_in(*store_, key) == std::vector{key}, "not listed: " + key);
        expect(keys_in(*store_, key, key).empty(), "listed after itself: " + key);
        expect(!store_->create(key, "again"), "created again: " + key);
        const auto writer = store_->write(key);
        writer->write("written to " + key);
        writer->commit();
        expect(read_object(*store_, key) == "written to " + key, "not written: " + key);
      });
    }
    std::sort(keys.begin(), keys.end());
    expect(keys_in(*store_, "names/") == keys, "keys are not listed in the order of their bytes");
    for (const std::string& key : keys) store_->remove(key);
    expect(keys_in(*store_, "names/").empty(), "keys are not removed");
  }

  void no_keys() {
    const std::vector<std::string> none = {"",
                                           "/",
                                           "/a",
                                           "a/",
                                           "a//b",
                                           ".",
                                           "a/../b",
                                           ".hidden",
                                           "a/.b",
                                           "a/.",
                                           std::string(256, 'n'),
                                           "\xC3\x28",
                                           std::string{"a\0b", 3},
                                           "tab\tline\nend",
                                           long_key(901)};
    for (const std::string& key : none) {
      const std::vector<std::pair<const char*, std::function<void()>>> calls = {
          {"get", [&] { store_->get(key); }},
          {"put", [&] { store_->put(key, "x"); }},
          {"create", [&] { store_->create(key, "x"); }},
          {"write", [&] { store_->write(key); }},
          {"remove", [&] { store_->remove(key); }}};
      for (const auto& [name, call] : calls) {
        try {
          call();
          expect(false, fmt::format("{}() takes '{}' for a key", name, key));
        } catch (const std::invalid_argument&) {
          // as it should be
        }
      }
    }
    const std::string longest = long_key(900);
    store_->put(longest, "x");
    expect(keys_in(*store_, "long/") == std::vector{longest}, "the longest key is not listed");
  }

  static std::string long_key(std::size_t bytes) {
    std::string key = "long/";
    while (key.size() < bytes) key += key.size() % 200 == 199 ? '/' : 'k';
    if (key.ends_with('/')) key.back() = 'k';
    return key;
  }

  void listing() {
    const std::vector<std::string> keys = {"list/a-b",   "list/a.b", "list/a/1", "list/a/2",
                                           "list/a/3/x", "list/a0",  "list/b"};
    for (const std::string& key : keys) store_->put(key, key);
    expect(keys_in(*store_, "list/") == keys, "a list is not in order, or not whole");
    expect(keys_in(*store_, "list/a/") ==
               std::vector<std::string>{"list/a/1", "list/a/2", "list/a/3/x"},
           "a list has not just what its prefix says");
    expect(keys_in(*store_, "list/a/1") == std::vector<std::string>{"list/a/1"},
           "a whole key is no prefix");
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const std::vector<std::string> rest{keys.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                                          keys.end()};
      expect(keys_in(*store_, "list/", keys[i]) == rest,
             "a list begins elsewhere than after " + keys[i]);
    }
    expect(keys_in(*store_, "list/", "list/a") == keys, "'after' has to be a key that is there");
    expect(keys_in(*store_, "list/a/", "zzz").empty(), "there is something after the end");
    expect(keys_in(*store_, "list/b", "aaa") == std::vector<std::string>{"list/b"},
           "'after' before the prefix");
    std::size_t seen = 0;
    TimePoint modified;
    store_->list("list/", "", [&](const ObjectInfo& object) {
      expect(object.bytes == object.key.size(), "a list has a wrong size");
      modified = object.modified;
      store_->remove(object.key);
      return ++seen < 3;
    });
    expect(seen == 3, "a list goes on after it was stopped");
    expect(keys_in(*store_, "list/").size() == keys.size() - 3,
           "what a visit removes is still there");
    const auto age = system_clock().now() - modified;
    expect(age > -std::chrono::hours{1} && age < std::chrono::hours{1},
           "an object's time is wrong");
  }

  // More than a page of S3's, by several threads.
  void listing_many() {
    constexpr std::size_t count = 2'500;
    std::vector<std::string> keys;
    keys.reserve(count);
    for (std::size_t i = 0; i < count; ++i) keys.push_back(fmt::format("many/{:05}", 7 * i));
    on_threads(8, [&](std::size_t thread) {
      for (std::size_t i = thread; i < count; i += 8) store_->put(keys[i], keys[i]);
    });
    expect(keys_in(*store_, "many/") == keys, "a long list is not in order, or not whole");
    const std::vector<std::string> rest{keys.begin() + 1'200, keys.end()};
    expect(keys_in(*store_, "many/", keys[1'199]) == rest,
           "the rest of a long list is another one");
    std::size_t seen = 0;
    store_->list("many/", "", [&](const ObjectInfo&) { return ++seen < 1'500; });
    expect(seen == 1'500, "a long list goes on after it was stopped");
    on_threads(8, [&](std::size_t thread) {
      for (std::size_t i = thread; i < count; i += 8) store_->remove(keys[i]);
    });
    expect(keys_in(*store_, "many/").empty(), "a long list is not empty in the end");
  }

  void creating() {
    expect(store_->create("created/1", "the first"), "create() does not create");
    expect(!store_->create("created/1", "the second"), "create() replaces, as it says");
    expect(read_object(*store_, "created/1") == "the first", "create() replaces");
    store_->remove("created/1");
    expect(store_->create("created/1", "the third"), "create() does not after remove()");
    store_->put("created/1", "the fourth");
    expect(read_object(*store_, "created/1") == "the fourth",
           "put() does not replace a created one");
    expect(store_->create("created/empty", ""), "an empty object is not created");
    expect(!store_->create("created/empty", ""), "an empty object is created twice");
  }

  void racing() {
    for (unsigned round = 0; round < 20; ++round) {
      const std::string key = fmt::format("race/{}", round);
      std::atomic<std::size_t> winners = 0;
      std::atomic<std::size_t> winner = 0;
      on_threads(8, [&](std::size_t thread) {
        if (!store_->create(key, fmt::format("by {}", thread))) return;
        ++winners;
        winner = thread;
      });
      expect(winners == 1, fmt::format("{} of 8 created the same object", winners.load()));
      expect(read_object(*store_, key) == fmt::format("by {}", winner.load()),
             "the loser's content is there");
    }
  }

  void writing() {
    constexpr std::size_t size = (std::size_t{20} << 20) + 12'345;
    const std::string content = content_of(size);
    const auto writer = store_->write("written/1");
    std::size_t piece = 1;
    for (std::size_t at = 0; at < size; at += piece, piece = (piece * 3 + 1) % 1'234'567) {
      writer->write(std::string_view{content}.substr(at, piece));
    }
    writer->write("");
    expect(store_->get("written/1") == nullptr, "a long write is seen before commit()");
    writer->commit();
    expect(read_object(*store_, "written/1") == content,
           "what was written in pieces does not come back");
    for (const std::size_t bytes : {std::size_t{8} << 20, std::size_t{16} << 20, std::size_t{0}}) {
      const auto another = store_->write("written/2");
      another->write(std::string_view{content}.substr(0, bytes));
      another->commit();
      expect(read_object(*store_, "written/2") == content.substr(0, bytes),
             fmt::format("{} bytes, once written, do not come back", bytes));
    }
    expect(bench_.leftovers().empty(), "a write leaves something behind");
  }

  void giving_up() {
    store_->put("given up/1", "before");
    for (const std::size_t bytes : {std::size_t{10}, std::size_t{20} << 20}) {
      const auto writer = store_->write("given up/1");
      writer->write(content_of(bytes));
    }
    store_->write("given up/2");
    expect(read_object(*store_, "given up/1") == "before", "a write without commit() replaces");
    expect(keys_in(*store_, "given up/") == std::vector<std::string>{"given up/1"},
           "a write without commit() is listed");
    expect(bench_.leftovers().empty(), "a write without commit() leaves something behind");
  }

  // All of the one, or an error, never a mixture.
  void reading_what_is_replaced() {
    const std::string first = content_of(std::size_t{20} << 20, 1);
    const std::string second = content_of(std::size_t{20} << 20, 2);
    for (const bool removed : {false, true}) {
      store_->put("read/1", first);
      const auto reader = store_->get("read/1");
      char one = 0;
      expect(reader->read(&one, 1) == 1 && one == first[0], "the first byte is another");
      removed ? store_->remove("read/1") : store_->put("read/1", second);
      try {
        expect(rest_of(*reader, 70'001) == first.substr(1), "a reader mixes two objects");
      } catch (const Error&) {
        // as well
      }
    }
  }

  void many_at_once() {
    on_threads(16, [&](std::size_t thread) {
      for (unsigned i = 0; i < 10; ++i) {
        const std::string key = fmt::format("threads/{}/{}", thread, i);
        const std::string content = content_of(1'000 * (i + 1), static_cast<unsigned>(thread));
        store_->put(key, content);
        const bool is_there = read_object(*store_, key) == content;
        const bool is_listed = keys_in(*store_, fmt::format("threads/{}/", thread)).size() == i + 1;
        if (!is_there || !is_listed) throw std::runtime_error{"threads get in each other's way"};
      }
    });
    expect(keys_in(*store_, "threads/").size() == 160, "of what threads put something is missing");
  }

  // Throws what one of them threw.
  static void on_threads(std::size_t count, const std::function<void(std::size_t)>& work) {
    std::vector<std::exception_ptr> errors(count);
    std::vector<std::thread> threads;
    threads.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      threads.emplace_back([&, i] {
        try {
          work(i);
        } catch (...) {
          errors[i] = std::current_exception();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const std::exception_ptr& error : errors) {
      if (error) std::rethrow_exception(error);
    }
  }

  ObjectStoreBench& bench_;
  std::shared_ptr<ObjectStore> store_;
  std::vector<std::string> broken_;
};

}  // namespace

std::vector<std::string> violations(ObjectStoreBench& bench) { return Examination{bench}.run(); }

}  // namespace eventcollect::test
