#!/bin/sh
# A root of its own for a program that must not touch the machine (a mail server, say).
#
#   root.sh make DIR [PACKAGE]... an overlay over this machine's root with the packages installed
#                                 in it; done once, later calls only mount it again
#   root.sh run DIR COMMAND...    runs a command inside (same network, same processes)
#   root.sh close DIR             unmounts it; what was installed stays for the next time
#   root.sh remove DIR            unmounts and removes it
#
# Needs root and overlayfs. Nothing is started by the installation: policy-rc.d refuses it inside.
set -eu

fail() {
	echo "root.sh: $*" >&2
	exit 1
}

verb=${1:?verb} dir=${2:?directory}
shift 2
[ "$(id -u)" -eq 0 ] || fail "needs root"
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
top=$dir/root

mounted() {
	grep -q " $1 " /proc/self/mounts
}

open_root() {
	mkdir -p "$dir/upper" "$dir/work" "$top"
	mounted "$top" ||
		mount -t overlay rundbrief -o "lowerdir=/,upperdir=$dir/upper,workdir=$dir/work" "$top" ||
		fail "overlayfs cannot be mounted here"
	mounted "$top/proc" || mount -t proc proc "$top/proc"
	mounted "$top/dev" || mount --bind /dev "$top/dev"
	mounted "$top/tmp" || mount -t tmpfs tmpfs "$top/tmp"
}

close_root() {
	for part in tmp dev proc; do
		! mounted "$top/$part" || umount "$top/$part"
	done
	! mounted "$top" || umount "$top"
}

case $verb in
make)
	open_root
	[ -e "$dir/made" ] && exit 0
	printf '#!/bin/sh\nexit 101\n' >"$top/usr/sbin/policy-rc.d"
	chmod 755 "$top/usr/sbin/policy-rc.d"
	if [ $# -gt 0 ] && ! chroot "$top" env DEBIAN_FRONTEND=noninteractive sh -c '
		apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"' sh "$@" \
		>"$dir/install.log" 2>&1; then
		tail -15 "$dir/install.log" >&2
		close_root
		fail "the packages could not be installed: $*"
	fi
	: >"$dir/made"
	;;
run)
	open_root
	exec chroot "$top" "$@"
	;;
close) close_root ;;
remove)
	close_root
	rm -rf "$dir"
	;;
*) fail "unknown verb $verb" ;;
esac
