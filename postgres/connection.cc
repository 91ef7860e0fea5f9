#include "postgres/connection.h"
