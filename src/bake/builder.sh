set -eu
# Runs on the builder as root. DESTDIR is empty there; elsewhere it names the folder that stands for the root.
root="${DESTDIR:-}"
app='{{ App }}'
mkdir -p "$root/var/tmp"
# Not in /tmp, which is memory, half of it, on Amazon Linux 2023.
work="$(mktemp -d "$root/var/tmp/bg-deploy.XXXXXXXX")"
# What a command says is cut after its first 24,000 characters, and what failed is said last: its end is said, by itself.
exec 3>&1 >"$work/log" 2>&1
trap 'code=$?; tail -c 20000 "$work/log" >&3; rm -rf "$work"; exit "$code"' EXIT
command -v aws >/dev/null || { echo 'the base image has no aws command; choose one that has, such as Amazon Linux 2023' >&2; exit 69; }
echo 'fetching the bundle'
aws s3 cp --only-show-errors '{{ BundleUri }}' "$work/bundle.tar.gz"
echo '{{ BundleSha256 }} '" $work/bundle.tar.gz" | sha256sum -c - >/dev/null || { echo 'the bundle is not the one that was uploaded: its sha256 differs' >&2; exit 65; }
tar -xzf "$work/bundle.tar.gz" -C "$work" --no-same-owner
rm "$work/bundle.tar.gz"
echo 'installing the app'
rm -rf "$root/opt/$app"
mkdir -p "$root/opt" "$root/etc/systemd/system" "$root/etc/$app"
mv "$work/app" "$root/opt/$app"
cp "$work/bg-deploy/service" "$root/etc/systemd/system/$app.service"
if [ -f "$work/bg-deploy/bake" ]; then
    echo 'running the bake script'
    chmod 755 "$work/bg-deploy/bake"
    code=0
    (cd "$root/opt/$app" && "$work/bg-deploy/bake") || code=$?
    [ "$code" -eq 0 ] || { echo "the bake script ended with exit code $code" >&2; exit "$code"; }
fi
systemctl daemon-reload
systemctl enable "$app.service"
echo 'cleaning the image'
# What belongs to this machine and not to its copies: keys, logs, the machine's id, what cloud-init did already.
if command -v cloud-init >/dev/null; then cloud-init clean --logs; fi
rm -f "$root"/etc/ssh/ssh_host_*_key "$root"/etc/ssh/ssh_host_*_key.pub
rm -f "$root"/root/.ssh/authorized_keys "$root"/home/*/.ssh/authorized_keys
if [ -f "$root/etc/machine-id" ]; then : > "$root/etc/machine-id"; fi
find "$root/var/log" -type f -exec truncate -s 0 {} + 2>/dev/null || true
sync
echo 'done'
