#pragma once
#include <string>
#include <string_view>

#include "clickhouse/embedded/request.hpp"

/// How a host shows that it is the one whose passwords a process knows, before it is told one: another user of the machine may have got the port of a host
/// that is gone.
namespace tributary::clickhouse::embedded {

/// GET, without a password. What is to be proven with is the request's query id.
inline constexpr std::string_view kProofPath = "/proof";

/// What only somebody who knows the administrator's password can say of `challenge`: its HMAC-SHA256, in hexadecimal digits. Pure.
std::string proof(const Credentials& credentials, std::string_view challenge);

}  // namespace tributary::clickhouse::embedded
