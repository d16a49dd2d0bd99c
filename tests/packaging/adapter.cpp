// That the adapter compiles with what eventcollect::httplib brings along.
#include <eventcollect/httplib.hpp>
