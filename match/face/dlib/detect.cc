#include "detect.h"

#include <cstring>
#include <dlib/array2d.h>
#include <dlib/image_processing/frontal_face_detector.h>

// Weak: the reference BLAS does not have it.
extern "C" void openblas_set_num_threads(int) __attribute__((weak));

extern "C" void enrold_one_blas_thread(void) {
  if (openblas_set_num_threads) openblas_set_num_threads(1);
}

extern "C" void *enrold_detector_new(char **message) {
  try {
    return new dlib::frontal_face_detector(dlib::get_frontal_face_detector());
  } catch (const std::exception &e) {
    *message = strdup(e.what());
  } catch (...) {
    *message = strdup("unknown exception");
  }
  return nullptr;
}

extern "C" void enrold_detector_free(void *detector) {
  delete static_cast<dlib::frontal_face_detector *>(detector);
}

extern "C" int enrold_detect(void *detector, const uint8_t *pixels, long width, long height,
                             double adjust, enrold_face *out, int max, char **message) {
  try {
    dlib::array2d<unsigned char> image(height, width);
    for (long y = 0; y < height; y++) std::memcpy(&image[y][0], pixels + y * width, width);
    std::vector<dlib::rect_detection> found;
    (*static_cast<dlib::frontal_face_detector *>(detector))(image, found, adjust);
    int n = 0;
    for (const auto &d : found) {
      if (n == max) break;
      out[n++] = {d.rect.left(), d.rect.top(), d.rect.right(), d.rect.bottom(), d.detection_confidence};
    }
    return n;
  } catch (const std::exception &e) {
    *message = strdup(e.what());
  } catch (...) {
    *message = strdup("unknown exception");
  }
  return -1;
}
