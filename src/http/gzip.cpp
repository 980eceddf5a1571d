#include <zlib.h>

#include <algorithm>
#include <stdexcept>

#include "http/detail/gzip.hpp"

namespace tributary::http::detail {
namespace {

constexpr int kLevel = 4;  ///< of 9: beyond it an answer takes much longer and gets a little smaller
constexpr int kGzip = 16;  ///< zlib's sign for gzip's header and trailer

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// "q=0", "q=0.000"
bool rules_out(std::string_view parameter) {
  return parameter.starts_with("q=0") && parameter.find_first_not_of("0.", 2) == std::string_view::npos;
}

}  // namespace

bool accepts_gzip(std::string_view accept_encoding) {
  while (!accept_encoding.empty()) {
    const auto end = std::min(accept_encoding.find(','), accept_encoding.size());
    const auto coding = accept_encoding.substr(0, end);
    accept_encoding.remove_prefix(std::min(end + 1, accept_encoding.size()));
    const auto semicolon = std::min(coding.find(';'), coding.size());
    const auto name = trimmed(coding.substr(0, semicolon));
    if (name != "gzip" && name != "*") continue;
    return semicolon == coding.size() || !rules_out(trimmed(coding.substr(semicolon + 1)));
  }
  return false;
}

bool is_compressible(std::string_view content_type) {
  return content_type.starts_with("text/") || content_type.starts_with("application/json") ||
         content_type.starts_with("application/x-ndjson") || content_type.starts_with("image/svg");
}

std::string gzip(std::string_view text) {
  z_stream stream{};
  if (deflateInit2(&stream, kLevel, Z_DEFLATED, MAX_WBITS + kGzip, MAX_MEM_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::runtime_error("zlib cannot be started");
  std::string result(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(result.data());
  stream.avail_out = static_cast<uInt>(result.size());
  const bool complete = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  result.resize(stream.total_out);
  deflateEnd(&stream);
  if (!complete) throw std::runtime_error("zlib could not compress an answer");
  return result;
}

}  // namespace tributary::http::detail
