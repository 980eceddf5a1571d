#include "postgres/copy.hpp"
#include "postgres/detail/bytes.hpp"
#include "postgres/error.hpp"

namespace tributary::postgres {

using detail::append_big_endian;
using detail::read_big_endian;

std::span<const std::byte> CopyBatch::row(std::size_t index) const {
  const auto begin = index == 0 ? 0 : ends_[index - 1];
  return bytes().subspan(begin, ends_[index] - begin);
}

void CopyBatch::clear() {
  bytes_.clear();
  ends_.clear();
}

void CopyBatch::append_row(std::span<const std::byte> tuple) {
  bytes_.insert(bytes_.end(), tuple.begin(), tuple.end());
  ends_.push_back(bytes_.size());
}

TupleView::TupleView(std::span<const std::byte> tuple) {
  if (tuple.size() < 2) throw Error(ErrorKind::protocol, "COPY: a row is cut short");
  const auto fields = read_big_endian<std::int16_t>(tuple);
  if (fields < 0) throw Error(ErrorKind::protocol, "COPY: a row has a negative number of fields");
  fields_ = static_cast<std::size_t>(fields);
  rest_ = tuple.subspan(2);
}

std::optional<std::span<const std::byte>> TupleView::next() {
  if (rest_.size() < 4) throw Error(ErrorKind::protocol, "COPY: a row is cut short");
  const auto length = read_big_endian<std::int32_t>(rest_);
  rest_ = rest_.subspan(4);
  if (length == -1) return std::nullopt;
  if (length < 0 || static_cast<std::size_t>(length) > rest_.size()) {
    throw Error(ErrorKind::protocol, "COPY: a field is longer than its row");
  }
  const auto field = rest_.first(static_cast<std::size_t>(length));
  rest_ = rest_.subspan(field.size());
  return field;
}

std::int64_t read_int64(std::span<const std::byte> field) {
  if (field.size() != 8) throw Error(ErrorKind::protocol, "COPY: a bigint has not 8 bytes");
  return read_big_endian<std::int64_t>(field);
}

bool read_bool(std::span<const std::byte> field) {
  if (field.size() != 1) throw Error(ErrorKind::protocol, "COPY: a boolean has not 1 byte");
  return field[0] != std::byte{0};
}

void append_int16(std::vector<std::byte>& out, std::int16_t value) { append_big_endian(out, value); }
void append_int32(std::vector<std::byte>& out, std::int32_t value) { append_big_endian(out, value); }

}  // namespace tributary::postgres
