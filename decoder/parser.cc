#include "decoder/parser.h"
