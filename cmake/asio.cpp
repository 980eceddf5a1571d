// Asio's out-of-line parts, compiled once instead of in every translation unit.
#include <boost/asio/impl/src.hpp>
