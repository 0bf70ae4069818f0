#include "codec.h"

#include <math.h>
#include <openjpeg.h>
#include <string.h>

// memory is a stream over bytes: those of data to read, or room to write into.
typedef struct {
  uint8_t *data;
  size_t size; // to read, or room
  size_t at;
  size_t end; // highest byte written
  int full;
} memory;

static OPJ_SIZE_T read_memory(void *to, OPJ_SIZE_T n, void *user) {
  memory *m = user;
  size_t left = m->size - m->at;
  if (left == 0) return (OPJ_SIZE_T)-1;
  if (n > left) n = left;
  memcpy(to, m->data + m->at, n);
  m->at += n;
  return n;
}

static OPJ_SIZE_T write_memory(void *from, OPJ_SIZE_T n, void *user) {
  memory *m = user;
  if (n > m->size - m->at) {
    m->full = 1;
    return (OPJ_SIZE_T)-1;
  }
  memcpy(m->data + m->at, from, n);
  m->at += n;
  if (m->at > m->end) m->end = m->at;
  return n;
}

// Reading, a skip past the end stands at the end, as in a file of that length.
static OPJ_OFF_T skip_read(OPJ_OFF_T n, void *user) {
  memory *m = user;
  if (n < 0) return -1;
  size_t left = m->size - m->at;
  if ((uint64_t)n > left) n = (OPJ_OFF_T)left;
  m->at += (size_t)n;
  return n;
}

static OPJ_OFF_T skip_write(OPJ_OFF_T n, void *user) {
  memory *m = user;
  if (n < 0 || (uint64_t)n > m->size - m->at) {
    m->full = 1;
    return -1;
  }
  memset(m->data + m->at, 0, (size_t)n);
  m->at += (size_t)n;
  if (m->at > m->end) m->end = m->at;
  return n;
}

static OPJ_BOOL seek_memory(OPJ_OFF_T to, void *user) {
  memory *m = user;
  if (to < 0 || (uint64_t)to > m->size) return OPJ_FALSE;
  m->at = (size_t)to;
  return OPJ_TRUE;
}

static opj_stream_t *open_memory(memory *m, OPJ_BOOL reading) {
  opj_stream_t *s = opj_stream_create(1 << 16, reading);
  if (!s) return NULL;
  opj_stream_set_user_data(s, m, NULL);
  opj_stream_set_user_data_length(s, reading ? m->size : 0);
  opj_stream_set_read_function(s, read_memory);
  opj_stream_set_write_function(s, write_memory);
  opj_stream_set_skip_function(s, reading ? skip_read : skip_write);
  opj_stream_set_seek_function(s, seek_memory);
  return s;
}

// keep_words keeps the first error: later ones follow from it.
static void keep_words(const char *text, void *user) {
  char *words = user;
  if (words[0]) return;
  size_t n = strcspn(text, "\r\n");
  if (n >= JPEG2000_WORDS) n = JPEG2000_WORDS - 1;
  memcpy(words, text, n);
  words[n] = 0;
}

static opj_image_t *planes(const uint8_t *pixels, int width, int height, int stride) {
  opj_image_cmptparm_t each[3];
  memset(each, 0, sizeof each);
  for (int c = 0; c < 3; c++) {
    each[c].dx = each[c].dy = 1;
    each[c].w = width;
    each[c].h = height;
    each[c].prec = 8;
  }
  opj_image_t *image = opj_image_create(3, each, OPJ_CLRSPC_SRGB);
  if (!image) return NULL;
  image->x1 = width;
  image->y1 = height;
  for (int c = 0; c < 3; c++) {
    OPJ_INT32 *to = image->comps[c].data;
    for (int y = 0; y < height; y++) {
      const uint8_t *row = pixels + (size_t)y * stride + c;
      for (int x = 0; x < width; x++) *to++ = row[4 * x];
    }
  }
  return image;
}

int jpeg2000_encode(const uint8_t *pixels, int width, int height, int stride, int most,
                    uint8_t *out, size_t room, size_t *written, char *words) {
  int result = JPEG2000_FAILED;
  memory m = {.data = out, .size = room};
  opj_image_t *image = planes(pixels, width, height, stride);
  opj_codec_t *codec = opj_create_compress(OPJ_CODEC_JP2);
  opj_stream_t *stream = open_memory(&m, OPJ_FALSE);
  if (image && codec && stream) {
    opj_set_error_handler(codec, keep_words, words);
    opj_cparameters_t p;
    opj_set_default_encoder_parameters(&p);
    p.tcp_numlayers = 1;
    p.cp_disto_alloc = 1; // one layer, filled in the order of what helps most
    p.max_cs_size = most;
    p.irreversible = 1; // the 9-7 wavelet and the lossy colour transform
    p.tcp_mct = 1;
    if (opj_setup_encoder(codec, &p, image) && opj_start_compress(codec, image, stream) &&
        opj_encode(codec, stream) && opj_end_compress(codec, stream) && !m.full) {
      *written = m.end;
      result = JPEG2000_OK;
    } else if (m.full) {
      result = JPEG2000_FULL;
    }
  }
  if (stream) opj_stream_destroy(stream);
  if (codec) opj_destroy_codec(codec);
  if (image) opj_image_destroy(image);
  return result;
}

static uint8_t clamp(double v) { return v <= 0 ? 0 : v >= 255 ? 255 : (uint8_t)(v + 0.5); }

// sample is a component's value at (x, y) of the image, as 0 to 255. A component
// of fewer samples is repeated.
static double sample(const opj_image_comp_t *c, int x, int y, int width, int height) {
  size_t cx = (size_t)x * c->w / width, cy = (size_t)y * c->h / height;
  double v = c->data[cy * c->w + cx];
  double top = ldexp(1, c->prec) - 1;
  if (c->sgnd) v += ldexp(1, c->prec - 1);
  return v * 255 / top;
}

static int usable(const opj_image_t *image, int width, int height) {
  if (image->x1 - image->x0 != (OPJ_UINT32)width || image->y1 - image->y0 != (OPJ_UINT32)height) return 0;
  if (image->numcomps != 1 && image->numcomps != 3) return 0;
  for (OPJ_UINT32 i = 0; i < image->numcomps; i++) {
    const opj_image_comp_t *c = &image->comps[i];
    if (!c->data || c->w < 1 || c->h < 1 || c->w > (OPJ_UINT32)width || c->h > (OPJ_UINT32)height) return 0;
    if (c->prec < 1 || c->prec > 16) return 0;
  }
  return 1;
}

static void paint(const opj_image_t *image, int ycc, int width, int height, uint8_t *to) {
  const opj_image_comp_t *c = image->comps;
  // Colours with fewer samples than the first component are colour differences.
  ycc = image->numcomps == 3 && (ycc || c[1].w != c[0].w || c[1].h != c[0].h);
  for (int y = 0; y < height; y++) {
    for (int x = 0; x < width; x++, to += 4) {
      double v[3];
      v[0] = v[1] = v[2] = sample(&c[0], x, y, width, height);
      if (image->numcomps == 3) {
        v[1] = sample(&c[1], x, y, width, height);
        v[2] = sample(&c[2], x, y, width, height);
      }
      if (ycc) { // ITU-T T.871 §7, as IEC 61966-2-1 Amd. 1 has it for sYCC
        double l = v[0], cb = v[1] - 128, cr = v[2] - 128;
        v[0] = l + 1.402 * cr;
        v[1] = l - 0.344136 * cb - 0.714136 * cr;
        v[2] = l + 1.772 * cb;
      }
      to[0] = clamp(v[0]);
      to[1] = clamp(v[1]);
      to[2] = clamp(v[2]);
      to[3] = 255;
    }
  }
}

int jpeg2000_decode(const uint8_t *data, size_t size, int ycc, int width, int height,
                    uint8_t *pixels, char *words) {
  int result = JPEG2000_FAILED;
  memory m = {.data = (uint8_t *)data, .size = size};
  opj_image_t *image = NULL;
  opj_codec_t *codec = opj_create_decompress(OPJ_CODEC_J2K);
  opj_stream_t *stream = open_memory(&m, OPJ_TRUE);
  if (codec && stream) {
    opj_set_error_handler(codec, keep_words, words);
    opj_dparameters_t p;
    opj_set_default_decoder_parameters(&p);
    if (opj_setup_decoder(codec, &p) && opj_decoder_set_strict_mode(codec, OPJ_TRUE) &&
        opj_read_header(stream, codec, &image) && opj_decode(codec, stream, image) && usable(image, width, height)) {
      paint(image, ycc, width, height, pixels);
      result = JPEG2000_OK;
    }
  }
  if (stream) opj_stream_destroy(stream);
  if (codec) opj_destroy_codec(codec);
  if (image) opj_image_destroy(image);
  return result;
}
