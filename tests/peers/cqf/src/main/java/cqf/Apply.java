package cqf;

import ca.uhn.fhir.context.FhirContext;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.logging.Handler;
import java.util.logging.LogManager;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.regex.Pattern;
import org.hl7.elm.r1.VersionedIdentifier;
import org.hl7.fhir.instance.model.api.IIdType;
import org.hl7.fhir.r4.model.CanonicalType;
import org.hl7.fhir.r4.model.CarePlan;
import org.hl7.fhir.r4.model.IdType;
import org.hl7.fhir.r4.model.Library;
import org.hl7.fhir.r4.model.Parameters;
import org.hl7.fhir.r4.model.Patient;
import org.hl7.fhir.r4.model.PlanDefinition;
import org.hl7.fhir.r4.model.RequestGroup;
import org.hl7.fhir.r4.model.RequestGroup.RequestGroupActionComponent;
import org.hl7.fhir.r4.model.Resource;
import org.opencds.cqf.fhir.cql.LibraryEngine;
import org.opencds.cqf.fhir.cr.CrSettings;
import org.opencds.cqf.fhir.cr.plandefinition.PlanDefinitionProcessor;
import org.opencds.cqf.fhir.utility.monad.Eithers;
import org.opencds.cqf.fhir.utility.repository.InMemoryFhirRepository;

/**
 * PlanDefinition/$apply of CQF clinical-reasoning. A line in: {"id", "plan", "parameters": {name: resource}, "library"?}.
 * A line out: {"id", "met": [ids of the actions that it leaves in], "said": {expression: what the log says of it}};
 * with a number of rounds as argument, how long it takes.
 */
public final class Apply {
    private static final FhirContext FHIR = FhirContext.forR4();
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final CrSettings SETTINGS = CrSettings.getDefault();

    private Apply() {}

    public static void main(String[] arguments) throws Exception {
        LogManager.getLogManager().reset();
        var log = new Said();
        var processing = Logger.getLogger("org.opencds.cqf.fhir.cr.plandefinition.apply.ProcessAction");
        var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = lines.readLine()) != null; ) {
            var asked = JSON.readTree(line);
            var answer = new LinkedHashMap<String, Object>();
            answer.put("id", asked.get("id").asText());
            if (arguments.length > 0) {
                answer.putAll(measured(new Asked(asked), Integer.parseInt(arguments[0])));
            } else {
                processing.addHandler(log);
                answer.put("met", new Asked(asked).apply());
                answer.put("said", Map.copyOf(log.said));
                log.said.clear();
            }
            System.out.println(JSON.writeValueAsString(answer));
        }
    }

    /** Milliseconds, once warm: of the one thread's processor, and by the clock. As many rounds before as during. */
    private static Map<String, Object> measured(Asked asked, int rounds) {
        var threads = ManagementFactory.getThreadMXBean();
        var processor = new double[rounds];
        var clock = new double[rounds];
        Set<String> met = Set.of();
        for (int round = -rounds; round < rounds; round++) {
            long cpu = threads.getCurrentThreadCpuTime();
            long wall = System.nanoTime();
            met = asked.apply();
            if (round >= 0) {
                processor[round] = (threads.getCurrentThreadCpuTime() - cpu) / 1e6;
                clock[round] = (System.nanoTime() - wall) / 1e6;
            }
        }
        Arrays.sort(processor);
        Arrays.sort(clock);
        var found = new LinkedHashMap<String, Object>();
        found.put("met", met.size());
        found.put("processor least", processor[0]);
        found.put("processor median", processor[rounds / 2]);
        found.put("clock median", clock[rounds / 2]);
        return found;
    }

    /** A plan and what it is asked about, in a repository that has nothing else. */
    private static final class Asked {
        private final PlanDefinitionProcessor processor;
        private final IdType plan;
        private final Map<String, String> resources = new LinkedHashMap<>();
        private final LibraryEngine engine;

        Asked(JsonNode asked) {
            var repository = new InMemoryFhirRepository(FHIR);
            keep(repository, new Patient().setId("person"));
            plan = keep(repository, read(asked.get("plan").toString()));
            if (asked.has("library")) {
                keep(repository, read(asked.get("library").toString()));
            }
            processor = new PlanDefinitionProcessor(repository, SETTINGS);
            engine = new LibraryEngine(repository, SETTINGS.getEvaluationSettings());
            warm(repository);
            asked.get("parameters").fields().forEachRemaining(it -> resources.put(it.getKey(), it.getValue().toString()));
        }

        /** Reading the parameters, $apply, and the ids of what is left in the plan. */
        Set<String> apply() {
            var parameters = new Parameters();
            resources.forEach((name, json) -> parameters.addParameter().setName(name).setResource(read(json)));
            var made = processor.apply(
                    Eithers.<CanonicalType, IIdType, PlanDefinition>forMiddle3(plan),
                    "Patient/person", null, null, null, null, null, null, null, null, parameters, null, null, engine);
            var met = new LinkedHashSet<String>();
            for (var contained : ((CarePlan) made).getContained()) {
                if (contained instanceof RequestGroup group) {
                    collect(group.getAction(), met);
                }
            }
            return met;
        }

        /**
         * Every inline condition copies the settings' caches and throws the copies away, so FHIR's model is read and FHIRHelpers
         * compiled for each. A library brings both into the settings' own; FHIRHelpers under a name by which it is not found
         * again. `-Dcaches=filled` gives it the other name too; with 4.4 whatever calls it is null then.
         */
        private void warm(InMemoryFhirRepository repository) {
            var url = "https://peers.example/Library/Ready";
            var cql = "library Ready version '1' using FHIR version '4.0.1' include FHIRHelpers version '4.0.1' define ready: true";
            var library = new Library().setUrl(url).setVersion("1").setName("Ready");
            library.addContent().setContentType("text/cql").setData(cql.getBytes(StandardCharsets.UTF_8));
            keep(repository, library.setId("Ready"));
            engine.evaluate(url + "|1", null, null, null, null, null, Set.of("ready"));
            if (!"filled".equals(System.getProperty("caches"))) {
                return;
            }
            var compiled = SETTINGS.getEvaluationSettings().getLibraryCache();
            for (var it : List.copyOf(compiled.entrySet())) {
                var name = it.getKey();
                compiled.putIfAbsent(new VersionedIdentifier().withId(name.getId()).withVersion(name.getVersion()), it.getValue());
            }
        }

        private static IdType keep(InMemoryFhirRepository repository, Resource resource) {
            var id = new IdType(resource.fhirType(), resource.getIdElement().getIdPart());
            resource.setId(id);
            repository.update(resource);
            return id;
        }

        private static Resource read(String json) {
            return (Resource) FHIR.newJsonParser().parseResource(json);
        }

        private static void collect(List<RequestGroupActionComponent> actions, Set<String> into) {
            for (var action : actions) {
                if (action != null) { // what does not apply at the top is a null in the list
                    into.add(action.getId());
                    collect(action.getAction(), into);
                }
            }
        }
    }

    /** What $apply says of conditions nowhere but in its log: that one gave nothing, no boolean, or failed. */
    private static final class Said extends Handler {
        private static final Pattern MESSAGE =
                Pattern.compile("Condition expression (.*) (returned null|returned a non-boolean value|encountered exception)(.*)", Pattern.DOTALL);
        final Map<String, String> said = new LinkedHashMap<>();

        @Override
        public void publish(LogRecord entry) {
            var found = MESSAGE.matcher(entry.getMessage());
            if (found.matches()) {
                said.putIfAbsent(found.group(1), found.group(2) + found.group(3)); // an exception gives null in the next line
            }
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
    }
}
