#include "base/one_line.hpp"

namespace tributary {
namespace {

/// C1, which some terminals take for escapes, included.
bool is_space_or_control(std::string_view character) {
  const auto first = static_cast<unsigned char>(character[0]);
  return first <= ' ' || first == 0x7f || (first == 0xC2 && static_cast<unsigned char>(character[1]) < 0xA0);
}

/// Bytes of the UTF-8 character that `text` begins with, 0 where it begins with none (RFC 3629).
std::size_t character_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const auto first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xC2 || !follows(1)) return 0;
  if (first < 0xE0) return 2;
  if (!follows(2)) return 0;
  // Longer than needed, or a half of a UTF-16 pair.
  if (first < 0xF0) return (first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F) ? 0 : 3;
  if (first > 0xF4 || !follows(3)) return 0;
  return (first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) > 0x8F) ? 0 : 4;
}

}  // namespace

std::string one_line(std::string_view text, std::size_t limit) {
  std::string line;
  while (!text.empty()) {
    const auto length = character_length(text);
    const auto character = length == 0 ? "?" : text.substr(0, length);
    text.remove_prefix(character.size());
    const bool blank = is_space_or_control(character);
    if (blank && (line.empty() || line.back() == ' ')) continue;
    if (line.size() + character.size() > limit) break;
    line += blank ? " " : character;
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

}  // namespace tributary
