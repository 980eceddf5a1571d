#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <stop_token>

#include "base/deadline.hpp"
#include "clickhouse/options.hpp"

namespace tributary::clickhouse::detail {

namespace asio = boost::asio;

/// What TLS connections of a client have in common. Throws Error{usage} where the CA file cannot be read.
std::shared_ptr<asio::ssl::context> make_tls_context(const ConnectOptions& options);

/// A TCP connection to a server, with TLS or without.
///
/// Lifetime: must outlive its operations. Threads: one loop, and one operation at a time. The destructor closes at once, without a farewell.
/// Errors: Error{deadline} at the deadline or when the coroutine is cancelled, Error{connection} when it breaks or `closing` is requested, which ends
/// operations under way. After an error nothing but destruction makes sense.
class Transport {
 public:
  /// Looks the host up and tries its addresses in turn. `tls` is null for a plain connection. REQUIRES: `closing` is requested on this loop only.
  static asio::awaitable<std::unique_ptr<Transport>> open(const ConnectOptions& options, std::shared_ptr<asio::ssl::context> tls,
                                                          std::stop_token closing, Deadline deadline);
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  /// At least one byte, or zero at the end.
  asio::awaitable<std::size_t> read_some(std::span<std::byte> into, Deadline deadline);
  /// All of it.
  asio::awaitable<void> write(std::span<const asio::const_buffer> buffers, Deadline deadline);
  /// As far as can be told without asking: the peer neither closed it nor said anything unasked.
  bool is_quiet();

 private:
  struct Impl;
  explicit Transport(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tributary::clickhouse::detail
