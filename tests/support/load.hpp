#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <exception>
#include <thread>
#include <vector>

#include "support/application.hpp"

namespace tributary::test {

/// Clients of an application on threads of their own, which do random things without a pause until it is destroyed or finished.
class Load {
 public:
  /// `truncates`: also TRUNCATE, which takes everybody's rows, not only the application's.
  Load(const Application& application, std::uint64_t seed, bool truncates = true);
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;
  /// Ends it. Throws what a client threw.
  void finish();

 private:
  static constexpr unsigned kClients = 4;
  void join();

  std::atomic<bool> stop_{false};
  std::array<std::exception_ptr, kClients> failures_;
  std::vector<std::thread> threads_;
};

/// A client that adds users to a tenancy of its own, one at a time, until it is destroyed or finished. Nothing changes them afterwards: what is lost of them
/// is not mended by a later change, as it may be among the rows of an Application.
class Ledger {
 public:
  explicit Ledger(const Database& source);
  ~Ledger();
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;
  /// Ends it. Throws what it threw.
  void finish();
  const TenantName& tenant() const { return tenant_; }

 private:
  void join();

  const TenantName tenant_;
  std::atomic<bool> stop_{false};
  std::exception_ptr failure_;
  std::thread thread_;
};

}  // namespace tributary::test
