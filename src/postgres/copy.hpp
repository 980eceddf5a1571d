#pragma once
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/deadline.hpp"

namespace tributary::postgres {

namespace asio = boost::asio;
class Connection;
namespace detail {
class CopyStream;
}

/// Rows of COPY's binary format: tuples only, without the stream's header and trailer. Reused from batch to batch, so its memory is
/// allocated once.
class CopyBatch {
 public:
  std::size_t rows() const { return ends_.size(); }
  bool empty() const { return ends_.empty(); }
  std::size_t size_bytes() const { return bytes_.size(); }
  /// One tuple: int16 number of fields, then per field int32 length (-1 is NULL) and its bytes.
  std::span<const std::byte> row(std::size_t index) const;
  /// All tuples, back to back, as CopyWriter::write takes them.
  std::span<const std::byte> bytes() const { return bytes_; }

  void clear();
  void append_row(std::span<const std::byte> tuple);

 private:
  std::vector<std::byte> bytes_;
  std::vector<std::size_t> ends_;
};

/// Walks the fields of one binary tuple without copying. Throws Error{protocol} where lengths do not fit: the bytes may come from a stranger's server.
class TupleView {
 public:
  explicit TupleView(std::span<const std::byte> tuple);
  /// Continues behind fields that were read already: `fields` are left, in `rest`.
  TupleView(std::size_t fields, std::span<const std::byte> rest) : fields_(fields), rest_(rest) {}
  std::size_t fields() const { return fields_; }
  /// Next field, nullopt for NULL. REQUIRES: called at most fields() times.
  std::optional<std::span<const std::byte>> next();
  /// What next() has not read yet: the remaining fields' lengths and bytes.
  std::span<const std::byte> rest() const { return rest_; }

 private:
  std::size_t fields_;
  std::span<const std::byte> rest_;
};

std::int64_t read_int64(std::span<const std::byte> field);  ///< throws Error{protocol} unless 8 bytes
bool read_bool(std::span<const std::byte> field);  ///< throws Error{protocol} unless 1 byte
/// Appends big-endian int16/int32 to a tuple being built.
void append_int16(std::vector<std::byte>& out, std::int16_t value);
void append_int32(std::vector<std::byte>& out, std::int32_t value);

/// COPY (…) TO STDOUT (FORMAT binary) under way. The connection does nothing else until it has ended.
/// Dropped before its end, it closes the connection (the pool then opens another).
class CopyReader {
 public:
  /// Sends `copy_statement` and waits until the server streams, which it does once it has some kilobytes to send.
  static asio::awaitable<CopyReader> start(Connection& connection, std::string_view copy_statement, Deadline deadline);
  CopyReader(CopyReader&&) noexcept;
  CopyReader& operator=(CopyReader&&) = delete;
  ~CopyReader();

  /// Clears `batch` and fills it with what has arrived, at least one row, at most about `max_bytes`. False at the regular end of the stream, after
  /// which the connection is free again.
  asio::awaitable<bool> read(CopyBatch& batch, std::size_t max_bytes, Deadline deadline);
  /// Ends early: cancels the statement at the server and drains; the connection is free again, its transaction (if any) aborted.
  asio::awaitable<void> stop(Deadline deadline);

 private:
  CopyReader(Connection& connection, std::string_view statement);
  Connection* connection_;  ///< null once ended
  std::string statement_;
  std::unique_ptr<detail::CopyStream> stream_;
};

/// COPY … FROM STDIN (FORMAT binary) under way. Dropped before finish(), it closes the connection, so that nothing of it is committed.
class CopyWriter {
 public:
  static asio::awaitable<CopyWriter> start(Connection& connection, std::string_view copy_statement, Deadline deadline);
  CopyWriter(CopyWriter&&) noexcept;
  CopyWriter& operator=(CopyWriter&&) = delete;
  ~CopyWriter();

  /// Tuples as in CopyBatch::bytes(), any number, also part of one. Returns when libpq has handed them to the kernel, so
  /// memory stays bounded by one call's bytes.
  asio::awaitable<void> write(std::span<const std::byte> tuples, Deadline deadline);
  /// Ends the stream and returns the number of rows that the server counted. Throws what the server objects to.
  asio::awaitable<std::uint64_t> finish(Deadline deadline);
  /// Ends the stream with a failure, so the server discards it; the connection is usable, its transaction aborted.
  asio::awaitable<void> abort(Deadline deadline);

 private:
  CopyWriter(Connection& connection, std::string_view statement);
  Connection* connection_;  ///< null once ended
  std::string statement_;
};

}  // namespace tributary::postgres
