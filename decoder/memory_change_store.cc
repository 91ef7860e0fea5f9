#include "decoder/assembler.h"
