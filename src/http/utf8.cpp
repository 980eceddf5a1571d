#include "http/detail/utf8.hpp"

#include <cstdint>

namespace tributary::http::detail {
namespace {

struct Lead {
  int following;  ///< -1: no lead byte
  unsigned char least = 0x80;  ///< of the second byte, which is where overlong forms and surrogates show
  unsigned char most = 0xBF;
};

Lead lead_of(unsigned char c) {
  if (c < 0x80) return {0};
  if (c >= 0xC2 && c <= 0xDF) return {1};
  if (c == 0xE0) return {2, 0xA0};
  if (c == 0xED) return {2, 0x80, 0x9F};
  if (c >= 0xE1 && c <= 0xEF) return {2};
  if (c == 0xF0) return {3, 0x90};
  if (c >= 0xF1 && c <= 0xF3) return {3};
  if (c == 0xF4) return {3, 0x80, 0x8F};
  return {-1};
}

}  // namespace

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    auto [following, least, most] = lead_of(static_cast<unsigned char>(text[i++]));
    if (following < 0) return false;
    for (; following > 0; --following, ++i) {
      if (i == text.size()) return false;
      const auto c = static_cast<unsigned char>(text[i]);
      if (c < least || c > most) return false;
      least = 0x80;
      most = 0xBF;
    }
  }
  return true;
}

}  // namespace tributary::http::detail
