#include "drivers/amqp_support.hpp"
