#pragma once
#include <chrono>
#include <cstddef>
#include <map>
#include <string>

namespace tributary::dashboard {

/// Who may try another key: an address that was wrong kMost times within kFor waits for the rest of that time. Pure: the clock is given. One loop.
class Attempts {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr int kMost = 10;
  static constexpr std::chrono::seconds kFor{60};
  /// Addresses that are remembered; where there are more, those who are not share one count, so that memory is bounded and guessing is not free.
  static constexpr std::size_t kMostClients = 10'000;

  /// How long it has to wait; zero: not at all.
  std::chrono::milliseconds wait(const std::string& client, Time now) const;
  void note_wrong(const std::string& client, Time now);
  /// One that was noted was none.
  void take_back(const std::string& client);

 private:
  struct Wrong {
    int count = 0;
    Time until;
  };
  std::string name_of(const std::string& client) const;

  std::map<std::string, Wrong> wrong_;
  Time next_tidying_{};
};

}  // namespace tributary::dashboard
