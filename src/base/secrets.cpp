#include "base/secrets.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <span>

namespace tributary {
namespace {

constexpr std::string_view kMark = "tributary-sealed:1:";
constexpr std::size_t kIdLength = 8;
constexpr std::size_t kNonce = 12;
constexpr std::size_t kTag = 16;

using Bytes = std::vector<unsigned char>;
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

void check(int result) {
  if (result != 1) throw SecretError("OpenSSL cannot encrypt with AES-256-GCM");
}

std::string hex(std::span<const unsigned char> bytes) { return fmt::format("{:02x}", fmt::join(bytes, "")); }

std::optional<std::array<unsigned char, Secrets::kKeyBytes>> parse_key(std::string_view text) {
  std::array<unsigned char, Secrets::kKeyBytes> key{};
  if (text.size() != 2 * key.size()) return std::nullopt;
  const auto digit = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
  };
  for (std::size_t i = 0; i < key.size(); ++i) {
    const int high = digit(text[2 * i]);
    const int low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    key[i] = static_cast<unsigned char>(high * 16 + low);
  }
  return key;
}

std::string encode(const Bytes& bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  text.resize(static_cast<std::size_t>(
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(), static_cast<int>(bytes.size()))));
  return text;
}

/// nullopt where it is no base64.
std::optional<Bytes> decode(std::string_view text) {
  Bytes bytes(text.size() / 4 * 3);
  const int length =
      EVP_DecodeBlock(bytes.data(), reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (length < 0) return std::nullopt;
  const auto padding = static_cast<std::size_t>(text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0);
  bytes.resize(static_cast<std::size_t>(length) - padding);
  return bytes;
}

Cipher make_cipher() {
  Cipher cipher(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  if (!cipher) throw SecretError("OpenSSL cannot encrypt with AES-256-GCM");
  return cipher;
}

}  // namespace

Secrets::Secrets(std::string_view keys) {
  constexpr std::string_view kSeparators = " ,\t\r\n";
  for (auto rest = keys;;) {
    rest.remove_prefix(std::min(rest.find_first_not_of(kSeparators), rest.size()));
    if (rest.empty()) return;
    const auto text = rest.substr(0, rest.find_first_of(kSeparators));
    rest.remove_prefix(text.size());
    const auto bytes = parse_key(text);
    if (!bytes) {
      throw SecretError(fmt::format("key {} of the secrets is not 64 hexadecimal digits; `tributary secrets generate` makes one",
                                    keys_.size() + 1));
    }
    add(*bytes);
  }
}

void Secrets::add(const std::array<unsigned char, kKeyBytes>& bytes) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> hash{};
  SHA256(bytes.data(), bytes.size(), hash.data());
  keys_.push_back({.id = hex(hash).substr(0, kIdLength), .bytes = bytes});
}

std::string Secrets::seal(std::string_view text) const {
  if (keys_.empty()) return std::string(text);
  const auto& key = keys_.front();
  const auto head = std::string(kMark) + key.id + ':';
  Bytes sealed(kNonce + text.size() + kTag);
  check(RAND_bytes(sealed.data(), kNonce));
  const auto cipher = make_cipher();
  int length = 0;
  check(EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key.bytes.data(), sealed.data()));
  check(EVP_EncryptUpdate(cipher.get(), nullptr, &length, reinterpret_cast<const unsigned char*>(head.data()),
                          static_cast<int>(head.size())));
  check(EVP_EncryptUpdate(cipher.get(), sealed.data() + kNonce, &length, reinterpret_cast<const unsigned char*>(text.data()),
                          static_cast<int>(text.size())));
  check(EVP_EncryptFinal_ex(cipher.get(), sealed.data() + kNonce + length, &length));
  check(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTag, sealed.data() + kNonce + text.size()));
  return head + encode(sealed);
}

std::string Secrets::open(std::string_view text) const {
  if (!is_sealed(text)) return std::string(text);
  const auto id = text.substr(kMark.size(), kIdLength);
  const auto key = std::ranges::find(keys_, id, &Key::id);
  if (key == keys_.end()) {
    throw SecretError("it is encrypted with key " + std::string(id) +
                      ", which is not among those of secrets.key and secrets.key_file");
  }
  const auto head = text.substr(0, std::min(text.size(), kMark.size() + kIdLength + 1));
  const auto sealed = decode(text.substr(head.size()));
  const auto damaged = SecretError("it is encrypted with key " + std::string(id) + ", and was changed since");
  if (!sealed || sealed->size() < kNonce + kTag) throw damaged;
  const auto size = sealed->size() - kNonce - kTag;
  std::string opened(size, '\0');
  Bytes tag(sealed->end() - kTag, sealed->end());
  const auto cipher = make_cipher();
  int length = 0;
  check(EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key->bytes.data(), sealed->data()));
  check(EVP_DecryptUpdate(cipher.get(), nullptr, &length, reinterpret_cast<const unsigned char*>(head.data()),
                          static_cast<int>(head.size())));
  check(EVP_DecryptUpdate(cipher.get(), reinterpret_cast<unsigned char*>(opened.data()), &length, sealed->data() + kNonce,
                          static_cast<int>(size)));
  check(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTag, tag.data()));
  if (EVP_DecryptFinal_ex(cipher.get(), reinterpret_cast<unsigned char*>(opened.data()) + length, &length) != 1) throw damaged;
  return opened;
}

bool Secrets::is_sealed(std::string_view text) { return text.starts_with(kMark); }

bool Secrets::is_current(std::string_view text) const {
  return keys_.empty() || text.starts_with(std::string(kMark) + keys_.front().id + ':');
}

std::string Secrets::generate_key() { return random_hex(kKeyBytes); }

std::array<std::byte, 32> sha256(std::string_view text) {
  std::array<std::byte, 32> hash{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), reinterpret_cast<unsigned char*>(hash.data()));
  return hash;
}

std::string random_hex(std::size_t bytes) {
  Bytes random(bytes);
  if (RAND_bytes(random.data(), static_cast<int>(bytes)) != 1) throw SecretError("the system has no random bytes");
  return hex(random);
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace tributary
