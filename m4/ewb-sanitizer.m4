# EWB_SANITIZER
# -------------
# --with-sanitizer=address,undefined or thread: build everything with it.
AC_DEFUN([EWB_SANITIZER], [
  AC_ARG_WITH([sanitizer],
    [AS_HELP_STRING([--with-sanitizer=LIST],
      [build with -fsanitize=LIST: address,undefined or thread])],
    [], [with_sanitizer=no])
  SANITIZER_CFLAGS=
  AS_CASE([$with_sanitizer],
    [no|''], [],
    [yes], [AC_MSG_ERROR([--with-sanitizer needs a list: address,undefined or thread])],
    [SANITIZER_CFLAGS="-fsanitize=$with_sanitizer -fno-sanitize-recover=all -fno-omit-frame-pointer"
     ewb_save_CFLAGS=$CFLAGS CFLAGS="$CFLAGS $SANITIZER_CFLAGS"
     AC_LINK_IFELSE([AC_LANG_PROGRAM()], [],
       [AC_MSG_ERROR([the compiler does not know -fsanitize=$with_sanitizer])])
     CFLAGS=$ewb_save_CFLAGS])
  AC_SUBST([SANITIZER_CFLAGS])
  AC_SUBST([SANITIZER], [$with_sanitizer])
])

# EWB_SUMMARY
# -----------
AC_DEFUN([EWB_SUMMARY], [
  AS_ECHO(["
  ewb $PACKAGE_VERSION
    compiler:   $CC
    werror:     ${enable_werror:-no}
    strict:     ${enable_strict:-no}
    sanitizer:  $with_sanitizer
    rocksdb:    $with_rocksdb
    lmdb:       $with_lmdb
    systemd:    $with_systemd
    clients:    $with_libmemcached, libmemcached
    engines in: ${libdir}/ewb/engines
"])
])
