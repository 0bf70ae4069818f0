#ifndef ENROLD_JPEG2000_CODEC_H
#define ENROLD_JPEG2000_CODEC_H

#include <stddef.h>
#include <stdint.h>

#define JPEG2000_WORDS 160 // of what the library says of an error, with its end

enum { JPEG2000_OK, JPEG2000_FAILED, JPEG2000_FULL };

// jpeg2000_encode writes pixels (rows of width times red, green, blue, anything,
// stride bytes apart) as a JP2 file into out, its codestream at most most bytes,
// and sets written. JPEG2000_FULL: out's room bytes are too few.
int jpeg2000_encode(const uint8_t *pixels, int width, int height, int stride, int most,
                    uint8_t *out, size_t room, size_t *written, char *words);

// jpeg2000_decode reads a codestream, whose image is width times height, into
// pixels (red, green, blue, 255; without gaps). ycc: three components are
// luminance and colour differences.
int jpeg2000_decode(const uint8_t *data, size_t size, int ycc, int width, int height,
                    uint8_t *pixels, char *words);

#endif
