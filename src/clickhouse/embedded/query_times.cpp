#include "clickhouse/embedded/query_times.hpp"

#include <ctime>

namespace tributary::clickhouse::embedded {

std::chrono::nanoseconds CpuShares::process_time() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

void CpuShares::settle() {
  const auto now = clock_();
  if (running_ > 0) share_ += (now - last_) / running_;
  last_ = now;
}

std::chrono::nanoseconds CpuShares::begin() {
  settle();
  ++running_;
  return share_;
}

std::chrono::nanoseconds CpuShares::end(std::chrono::nanoseconds begun) {
  settle();
  --running_;
  return share_ - begun;
}

void QueryTimes::add(const std::string& query_id, QueryTime time) {
  if (times_.insert_or_assign(query_id, time).second) order_.push_back(query_id);
  if (order_.size() <= most_) return;
  times_.erase(order_.front());
  order_.pop_front();
}

std::optional<QueryTime> QueryTimes::find(const std::string& query_id) const {
  const auto found = times_.find(query_id);
  return found == times_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace tributary::clickhouse::embedded
