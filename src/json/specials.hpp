// The bytes at which a run of plain text in a JSON string may end, 64 at a time.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace eventcollect::json {

// A bit for each of the 64 bytes at `p` that is a quote, a backslash or a control character. The
// first byte has the lowest bit.
#ifdef __SSE2__
inline std::uint64_t mark_specials(const char* p) {
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i slash = _mm_set1_epi8('\\');
  const __m128i last_control = _mm_set1_epi8(0x1F);
  std::uint64_t marks = 0;
  for (int i = 0; i < 64; i += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + i));
    const __m128i found =
        _mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(bytes, last_control), bytes),
                     _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, slash)));
    marks |= std::uint64_t{static_cast<std::uint16_t>(_mm_movemask_epi8(found))} << i;
  }
  return marks;
}
#else
inline std::uint64_t mark_specials(const char* p) {
  constexpr std::uint64_t ones = 0x0101010101010101;
  constexpr std::uint64_t highs = 0x80 * ones;
  // The high bit of each byte that is less than `bound`, without a carry between bytes.
  const auto below = [](std::uint64_t word, std::uint64_t bound) {
    return ~(((word & ~highs) + ones * (0x80 - bound)) | word) & highs;
  };
  // Moves the low bits of eight bytes together, the first in memory to the lowest place.
  constexpr std::uint64_t gather =
      std::endian::native == std::endian::little ? 0x0102040810204080 : 0x8040201008040201;
  std::uint64_t marks = 0;
  for (int i = 0; i < 64; i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, p + i, sizeof(word));
    const std::uint64_t found =
        below(word, 0x20) | below(word ^ (ones * '"'), 1) | below(word ^ (ones * '\\'), 1);
    marks |= (((found >> 7) * gather) >> 56) << i;
  }
  return marks;
}
#endif

}  // namespace eventcollect::json
