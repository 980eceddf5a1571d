#include "destination/clickhouse/privacy.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <stdexcept>

namespace tributary::destination::clickhouse_target {
namespace {

constexpr std::string_view kDots = "•••";

/// Bytes of the first character of UTF-8.
std::size_t first_character(std::string_view text) {
  std::size_t size = 1;
  while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U) ++size;
  return size;
}

std::string hmac(std::string_view key, std::string_view text) {
  std::string digest(32, '\0');
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes, text.size(),
           reinterpret_cast<unsigned char*>(digest.data()), nullptr) == nullptr)
    throw std::runtime_error("HMAC-SHA-256 is not available");
  return digest;
}

}  // namespace

std::string masked(std::string_view text) {
  const auto at = text.rfind('@');
  const auto name = text.substr(0, at);
  const auto rest = at == std::string_view::npos ? std::string_view() : text.substr(at);
  if (text.empty()) return {};
  const auto shown = name.empty() ? 0 : first_character(name);
  return std::string(shown < name.size() ? name.substr(0, shown) : "").append(kDots).append(rest);
}

std::string hashed(std::string_view key, std::string_view project, std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string digits;
  for (const char byte : hmac(hmac(key, project), text)) {
    digits += kDigits[static_cast<unsigned char>(byte) >> 4U];
    digits += kDigits[static_cast<unsigned char>(byte) & 15U];
  }
  return digits;
}

}  // namespace tributary::destination::clickhouse_target
