#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "host.hpp"
#include "mapping/mapping.hpp"

namespace tributary::clickhouse::embedded::test {

std::vector<mapping::Mapping> built_in_mappings();

/// The engine as tenants meet it: the built-in mappings' tables and views, written while everybody may do everything, then restricted.
class TenantHost {
 public:
  /// `fill` writes rows. `change` may change the file of users before the restricted start.
  explicit TenantHost(const std::function<void(const Host& admin)>& fill,
                      const std::function<std::string(std::string users)>& change = {});

  const Host& host() const { return *host_; }
  const Host* operator->() const { return host_.get(); }

 private:
  Folder folder_;
  std::unique_ptr<Host> host_;
};

}  // namespace tributary::clickhouse::embedded::test
