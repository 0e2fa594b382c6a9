// @azure/arm-machinelearning with @azure/identity: environments of a workspace.
// Prints one JSON object: what each step gave. Its argument is the directory of node_modules.

import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.argv[2], "x.js"));
const { DefaultAzureCredential } = require("@azure/identity");
const { AzureMachineLearningWorkspaces } = require("@azure/arm-machinelearning");

const image = "python:3.12";
const place = [process.env.AZURE_RESOURCE_GROUP, process.env.AZUREML_WORKSPACE_NAME];
const client = new AzureMachineLearningWorkspaces(
  new DefaultAzureCredential(),
  process.env.AZURE_SUBSCRIPTION_ID,
);
const { environmentContainers: containers, environmentVersions: versions } = client;
const seen = {};

async function statusOf(ask) {
  try {
    await ask();
    return 200;
  } catch (error) {
    return error.statusCode;
  }
}

async function namesOf(iterator) {
  const names = [];
  for await (const item of iterator) names.push(item.name);
  return names;
}

const made = await containers.createOrUpdate(...place, "js", {
  properties: { description: "First.", tags: { team: "a" } },
});
seen.container = [made.name, made.properties.description, made.properties.tags];
for (const number of ["1", "2", "3"]) {
  await versions.createOrUpdate(...place, "js", number, { properties: { image } });
}
seen.changed = (
  await versions.createOrUpdate(...place, "js", "2", {
    properties: { image, description: "Changed." },
  })
).properties.description;
const got = await versions.get(...place, "js", "2");
seen.version = [got.name, got.properties.image, got.systemData.createdAt instanceof Date];
seen.fixed = await statusOf(() =>
  versions.createOrUpdate(...place, "js", "2", { properties: { image: "python:3.13" } }),
);
seen.pages = [];
for await (const page of versions.list(...place, "js").byPage()) {
  seen.pages.push(page.map((item) => item.name));
}
await containers.createOrUpdate(...place, "js-old", { properties: { isArchived: true } });
for (const listViewType of ["ActiveOnly", "ArchivedOnly", "All"]) {
  const names = await namesOf(containers.list(...place, { listViewType }));
  seen[listViewType] = names.filter((name) => name.startsWith("js")).sort();
}
await versions.delete(...place, "js", "1");
await versions.delete(...place, "js", "1");
seen.deletedVersion = await statusOf(() => versions.get(...place, "js", "1"));
await containers.delete(...place, "js");
seen.deletedContainer = await statusOf(() => containers.get(...place, "js"));
seen.notBuilt = await statusOf(() => namesOf(client.jobs.list(...place)));
console.log(JSON.stringify(seen));
