import assert from "node:assert/strict";
import { startFakeS3 } from "../fakes/s3.ts";
import { runProgram } from "../support/program.ts";
import { connectServer } from "../support/server.ts";
import { ADDRESSES, startHosts } from "./hosts.ts";
import { peerTest, SSHD } from "./require.ts";

peerTest({
  peer: SSHD,
  name: "every tool call reaches the host that it names, in a worker of its own",
  fn: async () => {
    await using stage = await startHosts();
    await using server = await stage.connect();
    const reached = async (host: string) => {
      const { data, text } = await server.call("ssh_exec_command", {
        host,
        command: "echo $SSH_CONNECTION",
      });
      assert.equal(data.host, host, text);
      return String(data.stdout).split(" ")[2];
    };
    const [first, second] = ADDRESSES;
    assert.deepEqual(await Promise.all(ADDRESSES.map(reached)), [...ADDRESSES]);
    assert.equal(await reached(first), first);
    assert.equal(stage.sshd.connections(), ADDRESSES.length);

    const write = { host: second, path: "there", content: "text\n" };
    const written = await server.call("ssh_write_file", write);
    assert.equal(written.isError, false, written.text);
    const down = await server.call("ssh_download_file", {
      host: second,
      remote_path: "there",
      local_path: "here",
    });
    assert.equal(down.isError, false, down.text);
    assert.equal(Deno.readTextFileSync(`${stage.directory}/here`), "text\n");

    const job = await server.call("ssh_start_job", {
      host: second,
      command: "echo from $SSH_CONNECTION",
    });
    const read = await server.call("ssh_job_output", {
      host: second,
      job_id: String(job.data.job_id),
      wait_seconds: 45,
    });
    assert.ok(String(read.data.text).includes(second), read.text);
    const all = await server.call("ssh_list_jobs");
    const one = await server.call("ssh_list_jobs", { host: second });
    assert.equal(all.isError || one.isError, false, all.text);
    // One account: each host lists the job.
    assert.ok(Array.isArray(all.data.jobs) && Array.isArray(one.data.jobs));
    assert.deepEqual(all.data.jobs.map(({ host }) => host), [...ADDRESSES]);
    assert.equal(one.data.jobs.length, 1);

    const link = await server.call("generate_download_link", {
      host: second,
      source: "host",
      path: `${stage.sshd.home}/there`,
    });
    assert.equal(link.isError, false, link.text);
    const page = await fetch(String(link.data.download_url), { method: "POST" });
    assert.equal(await page.text(), "text\n");
    const local = await server.call("generate_download_link", { path: "here" });
    assert.equal(local.isError, false, local.text);

    const fleet = await server.call("ssh_exec_on_hosts", { hosts: ["127.*"], command: "id -un" });
    assert.deepEqual(fleet.data, {
      success: true,
      groups: [{
        hosts: [...ADDRESSES],
        exit_code: 0,
        stdout: `${stage.sshd.username}\n`,
        stderr: "",
      }],
      failed: [],
    });

    const none = await server.call("ssh_exec_command", { command: "true" });
    assert.match(String(none.data.error), /host: /);
    const wrong = await server.call("ssh_exec_command", { host: "127.0.0.9", command: "true" });
    assert.equal(wrong.data.code, "invalid_argument");
    const remote = await server.call("generate_download_link", { source: "host", path: "there" });
    assert.match(String(remote.data.error), /host: required/);
  },
});

peerTest({
  peer: SSHD,
  name: "hosts of the SSH configuration, with logins of their own, exchange a file",
  fn: async () => {
    await using stage = await startHosts();
    await using s3 = startFakeS3();
    const { sshd, directory } = stage;
    const [first, second] = ADDRESSES;
    const common = `Port ${sshd.port}\n  User ${sshd.username}\n`;
    Deno.writeTextFileSync(
      `${directory}/config`,
      `Host web1\n  HostName ${first}\n  ${common}  IdentityFile ${sshd.keyPath}\n` +
        `Host web-2\n  HostName ${second}\n  ${common}Host old\n  ProxyCommand nc %h %p\n`,
    );
    const { I_ACCEPT_RISKS, SSH_KNOWN_HOSTS, WORKING_DIRECTORY } = stage.env;
    await using server = await connectServer({
      cwd: directory,
      env: {
        ...{ I_ACCEPT_RISKS: String(I_ACCEPT_RISKS), HOME: directory },
        ...{ SSH_KNOWN_HOSTS: String(SSH_KNOWN_HOSTS) },
        WORKING_DIRECTORY: String(WORKING_DIRECTORY),
        SSH_CONFIG: `${directory}/config`,
        HOSTS: "web*,old",
        HOST: "web1",
        ...(sshd.password === null
          ? { SSH_KEY: sshd.keyPath }
          : { SSH_PASSWORD_WEB_2: sshd.password }),
        R2_ENDPOINT: s3.endpoint,
        R2_ACCESS_KEY: s3.accessKey,
        R2_SECRET_KEY: s3.secretKey,
        R2_REGION: s3.region,
        R2_BUCKET: s3.bucket,
      },
    });
    const write = await server.call("ssh_write_file", { path: "from", content: "through R2\n" });
    assert.equal(write.isError, false, write.text);
    const up = await server.call("exchange_upload", { remote_path: `${sshd.home}/from` });
    assert.equal(up.isError, false, up.text);
    const down = await server.call("exchange_download", {
      host: "web-2",
      download_url: up.data.download_url,
      remote_path: `${sshd.home}/to`,
    });
    assert.equal(down.isError, false, down.text);
    const read = await server.call("ssh_read_file", { host: "web-2", path: "to" });
    assert.equal(read.data.text, "through R2\n");
    const copy = { from_host: "web1", from_path: "from", to_host: "web-2", to_path: "copy" };
    const copied = await server.call("ssh_copy_between_hosts", copy);
    assert.equal(copied.isError, false, copied.text);
    assert.equal(copied.data.verified, "sha256");
    assert.equal(Deno.readTextFileSync(`${sshd.home}/copy`), "through R2\n");
    const large = new Uint8Array(5_000_003).map((_, at) => at % 251);
    Deno.writeFileSync(`${sshd.home}/large`, large);
    Deno.chmodSync(`${sshd.home}/large`, 0o644);
    const names = { from_path: "large", to_path: "large copy" };
    const longer = await server.call("ssh_copy_between_hosts", { ...copy, ...names });
    assert.equal(longer.data.bytes_transferred, large.length, longer.text);
    assert.deepEqual(Deno.readFileSync(`${sshd.home}/large copy`), large);
    const again = await server.call("ssh_copy_between_hosts", copy);
    assert.equal(again.data.code, "already_exists");
    for (
      const [wrong, code] of [
        [{ from_path: "missing" }, "not_found"],
        [{ from_path: "." }, "is_directory"],
        [{ to_host: "web1" }, "invalid_argument"],
        [{ to_host: "web9" }, "invalid_argument"],
        [{ to_host: "old" }, "host_unusable"],
      ] as const
    ) {
      const refused = await server.call("ssh_copy_between_hosts", { ...copy, ...wrong });
      assert.equal(refused.data.code, code, refused.text);
    }
    assert.equal(sshd.connections(), 2);
    const old = await server.call("ssh_exec_command", { host: "old", command: "true" });
    assert.equal(old.data.code, "host_unusable");
    assert.match(String(old.data.error), /ProxyCommand/);
  },
});

peerTest({
  peer: SSHD,
  name: "with many hosts a call names one of the list, and doctor checks each host",
  fn: async () => {
    await using stage = await startHosts();
    const names = [...ADDRESSES, ...Array.from({ length: 28 }, (_, at) => `127.0.1.${at}`)];
    await using server = await stage.connect({ HOSTS: names.join(","), MAX_HOST_WORKERS: "1" });
    const list = await server.call("ssh_list_hosts", { filter: "127.0.0.*" });
    assert.equal(list.isError, false, list.text);
    const { hosts, omitted } = list.data;
    assert.ok(Array.isArray(hosts));
    assert.deepEqual([hosts.map(({ name }) => name), omitted], [[...ADDRESSES], 0]);
    const call = { host: ADDRESSES[2], command: "echo $SSH_CONNECTION" };
    const { data } = await server.call("ssh_exec_command", call);
    assert.ok(String(data.stdout).includes(ADDRESSES[2]));
    const next = await server.call("ssh_exec_command", { ...call, host: ADDRESSES[1] });
    assert.ok(String(next.data.stdout).includes(ADDRESSES[1]), next.text);
    const { code, stdout } = await runProgram(["doctor"], { env: stage.env, cwd: stage.directory });
    assert.equal(code, 0, stdout);
    for (const name of ADDRESSES) {
      assert.match(stdout, new RegExp(`^ok {3}${name}: command: `, "m"));
      assert.match(stdout, new RegExp(`^worker host ${name}$`, "m"));
    }
  },
});
