// Which names the shared library shows; everything else in it is hidden.
#ifndef MILLRACE_EXPORT_H_
#define MILLRACE_EXPORT_H_

#define MILLRACE_EXPORT __attribute__((visibility("default")))

#endif  // MILLRACE_EXPORT_H_
