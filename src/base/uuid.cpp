#include "base/uuid.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <stdexcept>

namespace tributary {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_dash_position(std::size_t i) { return i == 8 || i == 13 || i == 18 || i == 23; }

}  // namespace

std::optional<Uuid> Uuid::parse(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  Uuid id;
  std::size_t digit = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_dash_position(i)) {
      if (text[i] != '-') return std::nullopt;
      continue;
    }
    const int value = digit_value(text[i]);
    if (value < 0) return std::nullopt;
    auto& byte = id.bytes[digit / 2];
    byte = static_cast<std::byte>(static_cast<int>(byte) << 4 | value);
    ++digit;
  }
  return id;
}

Uuid Uuid::from_bytes(std::span<const std::byte> bytes) {
  if (bytes.size() != 16) throw std::invalid_argument("a uuid has 16 bytes");
  Uuid id;
  std::copy(bytes.begin(), bytes.end(), id.bytes.begin());
  return id;
}

Uuid Uuid::random() {
  Uuid id;
  if (RAND_bytes(reinterpret_cast<unsigned char*>(id.bytes.data()), 16) != 1) {
    throw std::runtime_error("the system's random generator failed");
  }
  id.bytes[6] = (id.bytes[6] & std::byte{0x0f}) | std::byte{0x40};
  id.bytes[8] = (id.bytes[8] & std::byte{0x3f}) | std::byte{0x80};
  return id;
}

std::string Uuid::to_string() const {
  std::string text;
  text.reserve(36);
  for (const auto byte : bytes) {
    if (is_dash_position(text.size())) text += '-';
    text += kDigits[static_cast<unsigned>(byte) >> 4];
    text += kDigits[static_cast<unsigned>(byte) & 15U];
  }
  return text;
}

}  // namespace tributary
