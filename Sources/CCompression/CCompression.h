// What compressed recordings are taken apart with.
#pragma once

#include <zlib.h>
#include <zstd.h>
