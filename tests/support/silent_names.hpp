#pragma once
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/look_up.hpp"

namespace tributary::test {

/// Names that begin with "silent" are not answered before release(), all others at once, with this address. Threads: any but for release().
class SilentNames {
 public:
  explicit SilentNames(std::string_view address = "192.0.2.1") : address_(asio::ip::make_address(address)) {}
  ~SilentNames() { release(); }
  void release() {
    if (!std::exchange(released_, true)) end_.set_value();
  }

  Resolver resolver(Resolver::Limits limits) const {
    return Resolver(limits, [end = ended_, asked = asked_, address = address_](const std::string& host) {
      {
        const std::lock_guard lock(asked->mutex);
        asked->hosts.push_back(host);
      }
      if (host.starts_with("silent")) end.wait();
      return LookedUp{.error = {}, .addresses = {address}};
    });
  }
  std::vector<std::string> asked() const {
    const std::lock_guard lock(asked_->mutex);
    return asked_->hosts;
  }

 private:
  struct Asked {
    std::mutex mutex;
    std::vector<std::string> hosts;
  };
  asio::ip::address address_;
  bool released_ = false;
  std::promise<void> end_;
  std::shared_future<void> ended_ = end_.get_future();
  std::shared_ptr<Asked> asked_ = std::make_shared<Asked>();
};

}  // namespace tributary::test
