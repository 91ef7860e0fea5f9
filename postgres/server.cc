#include "postgres/server.h"
