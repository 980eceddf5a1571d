#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string_view>

/// Compression of HTTP bodies, in pieces of any size and in bounded memory.
namespace tributary::clickhouse::embedded {

enum class Encoding { identity, gzip, deflate, lz4, zstd };

/// The value of Content-Encoding. nullopt: none that we know.
std::optional<Encoding> encoding_named(std::string_view name);
std::string_view name_of(Encoding encoding);
/// The first of our encodings that the value of Accept-Encoding lists; identity where there is none.
Encoding choose_encoding(std::string_view accepted);

/// The data are not what their Content-Encoding says.
class CodecError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// One direction of one body. put() some input, then take() until it gives nothing, and so on; after the last input finish(), and take() again.
/// REQUIRES: what put() was given stays until take() has given nothing.
class Codec {
 public:
  virtual ~Codec() = default;
  virtual void put(std::span<const char> input) = 0;
  virtual void finish() = 0;
  /// How much of `output` was filled; 0: more input is wanted, or all is said. Throws CodecError, at the end too where the input is cut off.
  virtual std::size_t take(std::span<char> output) = 0;
};

std::unique_ptr<Codec> make_decoder(Encoding encoding);
std::unique_ptr<Codec> make_encoder(Encoding encoding);

}  // namespace tributary::clickhouse::embedded
