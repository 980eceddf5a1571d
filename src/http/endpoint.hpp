#pragma once
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "http/error.hpp"
#include "http/message.hpp"
#include "http/schema.hpp"

namespace tributary::http {

/// Answers a request that was let in and checked. Throws Error to refuse; anything else thrown is a 500 whose cause only the log tells.
/// The request lives until the answer is made; the coroutine is cancelled (terminal) at the request's deadline.
using Handler = std::function<asio::awaitable<Response>(const Request& request)>;

/// One operation of the API. Checks, errors and documentation follow from it.
struct Endpoint {
  Method method = Method::get;
  std::string path;  ///< below the API's prefixes: "/users/{user_id}". A literal segment is preferred to a parameter
  Access access = Access::server;
  std::string group;  ///< "Users"
  std::string summary;  ///< a sentence
  std::vector<Field> path_parameters = {};  ///< each {name} of `path`; strings or UUIDs
  std::vector<Field> query = {};  ///< booleans, numbers, strings. Others are refused
  std::optional<Schema> body = {};  ///< of the request; none: a body other than empty or {} is refused
  unsigned status = 200;  ///< of success
  Schema answer = {};
  std::string answer_type = "application/json";
  std::vector<KnownError> errors = {};  ///< what the handler throws; those of checks and authentication are added
  Handler handle;
  std::optional<std::chrono::milliseconds> timeout = {};  ///< of the handler, where it is not the server's
  /// The handler is cancelled (terminal) when its client leaves: for what changes nothing and costs much. Others are carried out.
  bool ends_with_client = false;
};

/// Something that is no part of the API: a page, a probe. GET only, to anybody.
struct Page {
  std::string path;  ///< whole: "/docs". A trailing "/*" takes every path below, too
  Handler handle;
};

}  // namespace tributary::http
