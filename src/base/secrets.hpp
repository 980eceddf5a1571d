#pragma once
#include <array>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace tributary {

/// Text cannot be sealed or opened; says what to do.
class SecretError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Keeps texts secret that are stored where others may look: AES-256-GCM. Sealed text names the key that opens it, so keys can be changed:
/// put a new one in front, seal everything anew, drop the old one.
///
/// A value; const objects may be shared between threads.
class Secrets {
 public:
  static constexpr std::size_t kKeyBytes = 32;

  Secrets() = default;  ///< without a key: seals nothing, opens what is not sealed
  /// Keys of 64 hexadecimal digits, separated by blanks, commas or line ends; the first one seals. Throws SecretError.
  explicit Secrets(std::string_view keys);

  bool has_key() const { return !keys_.empty(); }
  /// `tributary-sealed:1:<key id>:<base64>`, or the text itself where there is no key. Throws SecretError where OpenSSL fails.
  std::string seal(std::string_view text) const;
  /// What was sealed; text that is not sealed is returned as it is. Throws SecretError where its key is not known, or it was tampered with.
  std::string open(std::string_view text) const;
  /// Sealed by the key that seals now, or there is none.
  bool is_current(std::string_view text) const;
  static bool is_sealed(std::string_view text);

  static std::string generate_key();

 private:
  struct Key {
    std::string id;  ///< eight hexadecimal digits of its hash
    std::array<unsigned char, kKeyBytes> bytes;
  };
  void add(const std::array<unsigned char, kKeyBytes>& bytes);
  std::vector<Key> keys_;
};

/// SHA-256. Not for passwords: for random keys, whose hashes nobody can guess back.
std::array<std::byte, 32> sha256(std::string_view text);
/// So many random bytes, in hexadecimal digits. Throws SecretError if the system has none.
std::string random_hex(std::size_t bytes);
/// Whether two texts of the same length are equal, in a time that does not tell where they differ.
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace tributary
