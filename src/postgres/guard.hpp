#pragma once
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/address_rules.hpp"
#include "base/look_up.hpp"
#include "postgres/options.hpp"

namespace tributary::postgres {

/// What a stranger's connection string may say, and what its server may do to us. By default nothing but the public internet, as little as possible.
struct Guard {
  /// Further fields that the operator allows. Throws Error{usage} that lists those there are.
  static std::set<std::string, std::less<>> fields_of(const std::vector<std::string>& names);
  /// Throws Error{usage} that names the one that is no network.
  static std::shared_ptr<const AddressRules> rules_of(const std::vector<std::string>& networks);

  std::set<std::string, std::less<>> fields;
  std::shared_ptr<const AddressRules> addresses = std::make_shared<AddressRules>();
  std::shared_ptr<Resolver> resolver = std::make_shared<Resolver>();  ///< shared by whoever has a copy
  std::size_t most_destinations = 50;  ///< connection strings that one project may have
  std::string ca_file = "/etc/ssl/certs/ca-certificates.crt";  ///< whom verify-ca and verify-full believe
  std::size_t max_answer = std::size_t{4} << 20;  ///< bytes that may come from the server for one statement
};

/// A connection string that a stranger, `owner`, wrote, as options that name everything: nothing of the environment or of files in a home folder is left to be
/// filled in by libpq, save for variables (see take_environment()). Throws Error{usage} that names a field which is not allowed, and repeats no value.
ConnectOptions parse_guarded(std::string_view connection_string, const Guard& guard, std::string owner = "");

}  // namespace tributary::postgres
