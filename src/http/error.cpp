#include "http/error.hpp"

namespace tributary::http {

Error::Error(const KnownError& known, const std::string& message, json::object details)
    : std::runtime_error(message), status_(known.status), code_(known.code), details_(std::move(details)) {}

json::object Error::body() const {
  json::object body{{"code", code_}, {"error", what()}};
  if (!details_.empty()) body["details"] = details_;
  return body;
}

}  // namespace tributary::http
