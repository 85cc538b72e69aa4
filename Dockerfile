# inventoryd and invctl in an image that holds nothing else: no compiler, no package manager, no shell.
#
#     docker build -t inventoryd .
#     docker run --rm -p 127.0.0.1:8080:8080 -e INVENTORYD_AUTH=off -v inventory:/var/lib/inventoryd inventoryd
#
# Both bases are of one Debian release, because the C libraries that are linked to in the first come from the packages of
# the second. Others of that kind can be put in: --build-arg RUN_IMAGE=…. Where there is no Docker, scripts/check-image
# builds and tries it.

ARG BUILD_IMAGE=swift:6.3-bookworm
ARG RUN_IMAGE=debian:bookworm-slim

FROM ${BUILD_IMAGE} AS build
RUN apt-get update -q \
    && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
        libhiredis-dev libmongoc-dev libreadline-dev libsqlite3-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src

# By themselves, so that they are fetched again only when the manifest has changed.
COPY Package.swift ./
RUN swift package resolve

# The manifest names the tests too, so the package is none without them.
COPY Sources Sources
COPY Tests Tests
COPY docs/openapi.json docs/api.html docs/
# Nothing looks up a symbol in a program, and their names would be 7 MB.
RUN set -- -c release --static-swift-stdlib -Xlinker --no-export-dynamic \
    && swift build "$@" --product inventoryd && swift build "$@" --product invctl \
    && binaries=$(swift build "$@" --show-bin-path) \
    && install -D --strip -t /out/usr/local/bin "$binaries/inventoryd" "$binaries/invctl"

# What the daemon and the tool run on, out of Debian's packages, without what only their installation needs: no shell, no
# package manager, nothing to break in with. Scanners find the packages in status.d, and their security updates arrive
# with a rebuild.
FROM ${RUN_IMAGE} AS root
RUN apt-get update -q \
    && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
        binutils ca-certificates icu-devtools
WORKDIR /packages
# As if nothing were installed here, so that all they depend on comes with them.
RUN mkdir partial && touch status && apt-get install -q -y --no-install-recommends --download-only \
        -o Dir::State::status=/packages/status -o Dir::Cache::archives=/packages \
        base-files ca-certificates libhiredis0.14 libmongoc-1.0-0 libreadline8 libsqlite3-0 ncurses-base
# Left out: what their scripts run, documentation but for the licences, character sets of iconv, a mathematical library
# for compilers, and of SASL a database of passwords that only servers have.
RUN set -eu; mkdir -p /out/var/lib/dpkg/status.d; \
    for package in *.deb; do \
        name=${package%%_*}; \
        case $name in \
        debconf | dpkg | libacl1 | libbz2-1.0 | libdb5.3 | liblzma5 | libmd0 | libpcre2-8-0 | libsasl2-modules-db | libselinux1 \
            | mawk | openssl | tar) continue ;; \
        esac; \
        dpkg-deb --field "$package" >"/out/var/lib/dpkg/status.d/$name"; \
        dpkg-deb --fsys-tarfile "$package" | tar -x -C /out \
            --exclude './usr/share/info/*' --exclude './usr/share/lintian/*' --exclude './usr/share/locale/*' \
            --exclude './usr/share/man/*' --exclude './usr/share/ca-certificates' --exclude './usr/lib/*/gconv' \
            --exclude './usr/lib/*/libicu[dit]*' --exclude './lib/*/libmvec.so.*'; \
    done; \
    find /out/usr/share/doc -type f ! -name copyright -delete
# The authorities, where OpenSSL looks; names are looked up in files, then by DNS; and who the daemon is.
RUN set -eu; install -D -m 0644 -t /out/etc/ssl/certs /etc/ssl/certs/ca-certificates.crt; \
    install -d /out/usr/lib/ssl; ln -s /etc/ssl/certs/ca-certificates.crt /out/usr/lib/ssl/cert.pem; \
    echo 'hosts: files dns' >/out/etc/nsswitch.conf; \
    printf '%s\n' 'root:x:0:0:root:/root:/usr/sbin/nologin' \
        'inventoryd:x:10001:10001::/var/lib/inventoryd:/usr/sbin/nologin' >/out/etc/passwd; \
    printf '%s\n' 'root:x:0:' 'inventoryd:x:10001:' >/out/etc/group; \
    install -d -o 10001 -g 10001 -m 0755 /out/run/inventoryd; \
    install -d -o 10001 -g 10001 -m 0700 /out/var/lib/inventoryd
# libmongoc takes from ICU what a password has to go through before it is compared (SASLprep, RFC 4013), and from ICU's
# 31 MB of data for all the world's languages that is two tables. This makes a library of these two.
WORKDIR /icu
RUN set -eu; library=$(readlink -f /usr/lib/*/libicudata.so.72); \
    objcopy -O binary --only-section=.rodata "$library" icudt72l.dat; \
    icupkg -l icudt72l.dat | grep -vxE 'nfkc\.nrm|rfc4013\.spp' >others.txt; \
    mkdir two; icupkg -r others.txt icudt72l.dat two/icudt72l.dat; [ "$(icupkg -l two/icudt72l.dat | wc -l)" = 2 ]; \
    printf '%s\n' '.section .rodata' '.balign 16' '.globl icudt72_dat' '.type icudt72_dat,%object' \
        'icudt72_dat: .incbin "two/icudt72l.dat"' '.section .note.GNU-stack,"",%progbits' | as -o data.o -; \
    ld -shared --soname libicudata.so.72 --build-id -o "/out$library" data.o; \
    ln -s "${library##*/}" "/out${library%/*}/libicudata.so.72"

FROM scratch
LABEL org.opencontainers.image.title="inventoryd" \
    org.opencontainers.image.description="Products and their stock over a REST API" \
    org.opencontainers.image.licenses="Apache-2.0"
COPY --from=root /out/ /
COPY --from=build /out/ /

# The directories are where the admin socket and the embedded store are; a volume mounted over the latter takes its owner.
# There is no VOLUME: it would make a nameless one for everybody who uses MongoDB, and Railway refuses it.
# libmongoc's counters would be a file in /dev/shm, which a kill leaves behind.
ENV PATH=/usr/local/bin:/usr/bin:/bin \
    MONGOC_DISABLE_SHM=1 \
    INVENTORYD_HOST=:: \
    INVENTORYD_STATE_DIR=/var/lib/inventoryd
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["invctl", "health"]
ENTRYPOINT ["inventoryd"]
