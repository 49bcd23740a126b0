// Drives Google's own Node client. Reads from stdin one JSON object: where the sandbox is, whose login to use, and the
// steps to take; writes the results of the steps as a JSON list. It knows nothing of the sandbox but its address.

const fs = require("node:fs");
const { google } = require("googleapis");

const CHUNK = 256 * 1024;

function open({ root, client, refreshToken }) {
  const auth = new google.auth.OAuth2({
    clientId: client.client_id,
    clientSecret: client.client_secret,
    endpoints: { oauth2TokenUrl: client.token_uri },
  });
  auth.setCredentials({ refresh_token: refreshToken });
  // The address is given with every call too, because uploads do not look at the one given here.
  return { root, auth, youtube: google.youtube({ version: "v3", auth, rootUrl: root }), options: { rootUrl: root } };
}

// The client has no resumable uploads of its own; this is how they are done with it.
async function begin({ youtube, root }, { file, title }) {
  const answer = await youtube.videos.insert(
    {
      part: ["snippet", "status"],
      uploadType: "resumable",
      requestBody: { snippet: { title }, status: { privacyStatus: "private" } },
    },
    {
      url: `${root}/upload/youtube/v3/videos`,
      headers: { "X-Upload-Content-Type": "video/mp4", "X-Upload-Content-Length": String(fs.statSync(file).size) },
      retry: false,
    },
  );
  return answer.headers.get("location");
}

async function put({ auth }, uri, range, data) {
  const answer = await auth.request({
    url: uri,
    method: "PUT",
    headers: { "Content-Range": range },
    data,
    retry: false,
    validateStatus: (status) => status === 308 || (status >= 200 && status < 300),
  });
  const kept = /bytes=0-(\d+)/.exec(answer.headers.get("range") ?? "");
  return { status: answer.status, kept: kept ? Number(kept[1]) + 1 : 0, video: answer.data };
}

async function resume(session, { file, uri, atMost = Infinity }) {
  const size = fs.statSync(file).size;
  let answer = await put(session, uri, `bytes */${size}`);
  const from = answer.kept;
  for (let sent = 0; answer.status === 308 && sent < atMost; sent += 1) {
    const end = Math.min(answer.kept + CHUNK, size) - 1;
    const data = fs.createReadStream(file, { start: answer.kept, end });
    answer = await put(session, uri, `bytes ${answer.kept}-${end}/${size}`, data);
  }
  return { from, ...answer };
}

const STEPS = {
  begin,
  resume,
  async upload({ youtube, options }, { file, title }) {
    const answer = await youtube.videos.insert(
      {
        part: ["snippet", "status"],
        notifySubscribers: false,
        requestBody: { snippet: { title }, status: { privacyStatus: "unlisted" } },
        media: { mimeType: "video/mp4", body: fs.createReadStream(file) },
      },
      options,
    );
    return answer.data;
  },
  async thumbnail({ youtube, options }, { videoId, file, mimeType = "image/png" }) {
    const media = { mimeType, body: fs.createReadStream(file) };
    return (await youtube.thumbnails.set({ videoId, media }, options)).data;
  },
  async caption({ youtube, options }, { videoId, language, name, text }) {
    const requestBody = { snippet: { videoId, language, name } };
    const media = { mimeType: "application/octet-stream", body: text };
    return (await youtube.captions.insert({ part: ["snippet"], requestBody, media }, options)).data;
  },
  async playlist({ youtube }, { title, videoId }) {
    const made = await youtube.playlists.insert({ part: ["snippet"], requestBody: { snippet: { title } } });
    const snippet = { playlistId: made.data.id, resourceId: { kind: "youtube#video", videoId } };
    await youtube.playlistItems.insert({ part: ["snippet"], requestBody: { snippet } });
    return made.data;
  },
  async uploads({ youtube }) {
    const channel = await youtube.channels.list({ part: ["contentDetails"], mine: true });
    const playlistId = channel.data.items[0].contentDetails.relatedPlaylists.uploads;
    const found = [];
    let pageToken;
    do {
      const page = await youtube.playlistItems.list({ part: ["contentDetails"], playlistId, maxResults: 1, pageToken });
      found.push(...page.data.items.map((item) => item.contentDetails.videoId));
      pageToken = page.data.nextPageToken;
    } while (pageToken);
    return found;
  },
};

async function main() {
  const wish = JSON.parse(fs.readFileSync(0, "utf8"));
  const session = open(wish);
  const results = [];
  let videoId; // of the last upload, where a step names none
  for (const { step, ...about } of wish.steps) {
    try {
      const result = await STEPS[step](session, { videoId, ...about });
      videoId = step === "upload" ? result.id : videoId;
      results.push(result);
    } catch (error) {
      const reason = error.response?.data?.error?.errors?.[0]?.reason;
      results.push({ failed: error.status ?? error.code, reason, said: String(error) });
    }
  }
  process.stdout.write(JSON.stringify(results));
}

main();
