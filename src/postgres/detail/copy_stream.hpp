#pragma once
#include <cstddef>
#include <span>
#include <string_view>

#include "postgres/copy.hpp"

namespace tributary::postgres::detail {

/// What stands before and after the tuples of COPY's binary format (the chapter COPY of PostgreSQL's manual, "Binary Format").
inline constexpr std::string_view kCopyHeader{"PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19};
inline constexpr std::string_view kCopyTrailer{"\377\377", 2};

/// Takes the stream apart, one CopyData message after the other, and checks every length in it.
class CopyStream {
 public:
  /// Appends the message's rows to `batch`. Throws Error{protocol}.
  void take(std::span<const std::byte> message, CopyBatch& batch);
  bool complete() const { return part_ == Part::end; }  ///< the trailer was seen

 private:
  enum class Part { header, tuples, end };
  Part part_ = Part::header;
};

}  // namespace tributary::postgres::detail
