#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/execution_context.hpp>

#include <functional>
#include <memory>

#include "base/deadline.hpp"

struct pg_cancel;

namespace tributary::postgres::detail {

namespace asio = boost::asio;

struct FreeCancel {
  void operator()(pg_cancel* cancel) const;
};
using CancelHandle = std::unique_ptr<pg_cancel, FreeCancel>;

/// Sends cancel requests from helper threads, as PQcancel connects and waits for the server's answer without a time-out. One per
/// event loop (asio::use_service).
///
/// A thread stuck in PQcancel cannot be stopped. It holds nothing but its own handle, so at the loop's end those that take longer than
/// a second are left behind, to end when they end. There are at most kThreads of them. A request on top of that is not sent: the
/// closed connection then tells the server alone.
class CancelService : public asio::execution_context::service {
 public:
  using key_type = CancelService;
  static inline asio::execution_context::id id;
  static constexpr int kThreads = 8;

  explicit CancelService(asio::execution_context& context);
  ~CancelService() override;

  /// Returns at once; nobody hears how it ended.
  void send(CancelHandle cancel) noexcept;
  /// Returns once the server has passed the request on to the backend, so that it cannot hit a later statement; false when that
  /// failed or took longer than `deadline`.
  asio::awaitable<bool> send_and_wait(CancelHandle cancel, Deadline deadline);

 private:
  struct Shared;
  using Done = std::function<void(bool)>;
  bool start(CancelHandle cancel, Done done);
  void shutdown() override;

  std::shared_ptr<Shared> shared_;
};

CancelService& cancel_service(const asio::any_io_executor& executor);

}  // namespace tributary::postgres::detail
