#pragma once
#include <boost/asio/awaitable.hpp>

#include <string>
#include <vector>

#include "base/deadline.hpp"
#include "postgres/options.hpp"

namespace tributary::postgres::detail {

namespace asio = boost::asio;

/// One place to try: libpq's keywords of it. Empty is absent.
struct Endpoint {
  std::string host;      ///< a name (also when `hostaddr` is set: the certificate must show it) or a socket's folder
  std::string hostaddr;  ///< numeric, so that libpq never looks up a name: it would block the loop
  std::string port;
};

/// The places that `options` name, in order: lists of hosts are taken apart, and each name is looked up, by `options.resolver` where there is one.
/// Addresses that `options.addresses` refuses are left out; the others are what is connected to, and nothing is looked up again.
/// Throws Error{connection} when not one of them has an address, Error{deadline}, Error{usage} when the lists do not match or no address is allowed.
asio::awaitable<std::vector<Endpoint>> resolve(const ConnectOptions& options, Deadline deadline);

}  // namespace tributary::postgres::detail
