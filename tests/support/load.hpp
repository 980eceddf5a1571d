#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <exception>
#include <thread>
#include <vector>

#include "support/application.hpp"

namespace tributary::test {

/// Clients of an application on threads of their own, which do random things without a pause until it is destroyed or finished. One more keeps the ledger: it
/// adds users there, one at a time, and changes or deletes each at most once more, some time later. What is lost of the application's other rows, later changes
/// soon mend; of the ledger's, none does.
class Load {
 public:
  /// `truncates`: also TRUNCATE, which takes everybody's rows, not only the application's; that of the users, and thereby of the ledger, with one seed of four.
  Load(const Application& application, std::uint64_t seed, bool truncates = true);
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;
  /// Ends it. Throws what a client threw.
  void finish();

 private:
  static constexpr unsigned kClients = 4;
  void be_client(const Application& application, std::uint64_t seed, bool truncates, bool truncates_users);
  void keep_ledger(const Application& application);
  void join();

  std::atomic<bool> stop_{false};
  std::array<std::exception_ptr, kClients + 1> failures_;
  std::vector<std::thread> threads_;
};

}  // namespace tributary::test
