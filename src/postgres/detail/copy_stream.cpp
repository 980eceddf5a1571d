#include "postgres/detail/copy_stream.hpp"

#include <algorithm>

#include "postgres/detail/bytes.hpp"
#include "postgres/error.hpp"

namespace tributary::postgres::detail {
namespace {

constexpr std::size_t kSignatureSize = 11;

std::span<const std::byte> without_header(std::span<const std::byte> message) {
  const auto signature = std::as_bytes(std::span(kCopyHeader)).first(kSignatureSize);
  if (message.size() < kCopyHeader.size() || !std::equal(signature.begin(), signature.end(), message.begin())) {
    throw Error(ErrorKind::protocol, "COPY: the stream is not in binary format");
  }
  const auto flags = read_big_endian<std::uint32_t>(message.subspan(kSignatureSize));
  const auto extension = read_big_endian<std::uint32_t>(message.subspan(kSignatureSize + 4));
  if ((flags & 0xFFFF0000U) != 0) throw Error(ErrorKind::protocol, "COPY: the stream's header asks for something unknown");
  const auto rest = message.subspan(kCopyHeader.size());
  if (extension > rest.size()) throw Error(ErrorKind::protocol, "COPY: the stream's header is cut short");
  return rest.subspan(extension);
}

bool is_trailer(std::span<const std::byte> bytes) { return bytes.size() >= 2 && read_big_endian<std::int16_t>(bytes) == -1; }

}  // namespace

void CopyStream::take(std::span<const std::byte> message, CopyBatch& batch) {
  if (part_ == Part::header) {
    message = without_header(message);
    part_ = Part::tuples;
  }
  // The server sends one row a message, which the protocol does not promise.
  while (!message.empty()) {
    if (part_ == Part::end) throw Error(ErrorKind::protocol, "COPY: bytes after the end of the stream");
    if (is_trailer(message)) {
      part_ = Part::end;
      message = message.subspan(2);
      continue;
    }
    TupleView tuple(message);
    for (std::size_t i = 0; i < tuple.fields(); ++i) tuple.next();
    const auto size = message.size() - tuple.rest().size();
    batch.append_row(message.first(size));
    message = message.subspan(size);
  }
}

}  // namespace tributary::postgres::detail
