// Puts a test between its program and the memory. To be included by one file of a program, which
// defines may_allocate(). Types that are aligned beyond malloc's promise are not asked about.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

namespace eventcollect::test {

// Asked before each allocation, by the thread that wants it. Must not allocate.
bool may_allocate(std::size_t bytes) noexcept;

inline void* allocate_or_null(std::size_t bytes) noexcept {
  return may_allocate(bytes) ? std::malloc(bytes == 0 ? 1 : bytes) : nullptr;
}

inline void* allocate(std::size_t bytes) {
  if (void* memory = allocate_or_null(bytes)) return memory;
  throw std::bad_alloc{};
}

// Not inlined: g++ 12 would take std::free for a mistake in what it knows to come from operator
// new.
[[gnu::noinline]] inline void release(void* memory) { std::free(memory); }

}  // namespace eventcollect::test

void* operator new(std::size_t bytes) { return eventcollect::test::allocate(bytes); }
void* operator new[](std::size_t bytes) { return eventcollect::test::allocate(bytes); }
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return eventcollect::test::allocate_or_null(bytes);
}
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
  return eventcollect::test::allocate_or_null(bytes);
}
void operator delete(void* memory) noexcept { eventcollect::test::release(memory); }
void operator delete[](void* memory) noexcept { eventcollect::test::release(memory); }
void operator delete(void* memory, std::size_t) noexcept { eventcollect::test::release(memory); }
void operator delete[](void* memory, std::size_t) noexcept { eventcollect::test::release(memory); }
